import json
import threading
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

from agent.errors import DeadlineError, PlannerError
from agent.guard import RECENT_TURNS
from agent.planner import Planner, Planners
from agent.rules.model import RuleChatModel
from agent.settings import Settings
from agent.turn import Limits, Turn
from segmentation.errors import PhotoError
from tests.agent.fakes import ScriptedChatModel, call, count_record, fake_registry, request
from tools.arguments import CountArguments
from tools.errors import Cancelled, ToolError
from tools.records import CountRecord
from tools.registry import Progress, Registry


def one_line(error: Exception) -> str:
    return f"language model: {error}"


def remote(model: ScriptedChatModel, registry: Registry | None = None, **limits: Any) -> Planner:
    return Planner(
        registry or fake_registry(), model, name="openai:scripted", limits=Limits(**limits), trouble=one_line
    )


def ask(model: ScriptedChatModel, text: str = "count the Sunkist bottles", photos: int = 1, **limits: Any) -> Turn:
    turn = remote(model, **limits).ask(request(text, photos))
    model.done()
    return turn


def results(model: ScriptedChatModel) -> list[ToolMessage]:
    """The tool results that the model saw last."""
    return [message for message in model.seen[-1] if isinstance(message, ToolMessage)]


COUNT = AIMessage("", tool_calls=[call(target="Sunkist bottles")])


def test_a_call_is_run_and_its_record_answers() -> None:
    turn = ask(ScriptedChatModel(COUNT, AIMessage("There are 6 Sunkist bottles.")))
    assert turn.answer == "There are 6 Sunkist bottles."
    assert turn.notices == ()
    assert [record.kind for record in turn.records] == ["count"]
    assert turn.calls[0].arguments == {"image": "p1", "target": "Sunkist bottles"}


def test_a_lie_is_replaced_by_the_sentence_of_the_record() -> None:
    turn = ask(ScriptedChatModel(COUNT, AIMessage("There are 9 Sunkist bottles.")))
    assert turn.answer == "6 Sunkist bottles."
    assert "replaced" in turn.notices[0]


def test_a_number_without_any_call_is_replaced() -> None:
    turn = ask(ScriptedChatModel(AIMessage("There are 12 bottles.")))
    assert "12" not in turn.answer
    assert turn.calls == ()


def test_a_question_back_is_shown_as_it_is() -> None:
    assert ask(ScriptedChatModel(AIMessage("Which bottles do you mean?"))).answer == "Which bottles do you mean?"


def test_a_name_that_came_with_every_piece_of_a_stream_is_read_once() -> None:
    stuttered = AIMessage("", tool_calls=[call("count" * 19, target="Sunkist bottles")])
    turn = ask(ScriptedChatModel(stuttered, AIMessage("There are 6 Sunkist bottles.")))
    assert [item.tool for item in turn.calls] == ["count"]
    assert turn.answer == "There are 6 Sunkist bottles."


def test_parallel_calls_all_get_their_answers() -> None:
    both = AIMessage("", tool_calls=[call(target="cans", id="a"), call(target="jars", id="b")])
    model = ScriptedChatModel(both, AIMessage("6 cans and 6 jars."))
    turn = ask(model)
    assert sorted(message.tool_call_id for message in results(model)) == ["a", "b"]
    assert turn.answer == "6 cans and 6 jars."


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (call("delete_files"), "there are: count, read_labels, describe"),
        (call(), "target"),
        (call(target="cans", colour="red"), "colour"),
        (call(target=7), "target"),
        (call(target="cans", row="second"), "row"),
        (call(target=""), "target"),
        (call(target="x" * 10_000), "target"),
        (call(target="cans", exclude=["x"] * 1000), "exclude"),
        (call(target="cans", image="p9"), "only photos that the user gave"),
        (call(target="cans", image="/etc/passwd"), "only photos that the user gave"),
        (call(target="cans", image="http://example.org/a.jpg"), "only photos that the user gave"),
        (call(target="cans", image="data:image/png;base64,AAAA"), "only photos that the user gave"),
        (call(target="cans", like=[{"image": "/etc/passwd", "box": None}]), "only photos that the user gave"),
    ],
)
def test_a_bad_call_is_refused_and_the_model_may_mend_it(bad: Any, complaint: str) -> None:
    model = ScriptedChatModel(AIMessage("", tool_calls=[bad]), COUNT, AIMessage("6 Sunkist bottles."))
    turn = ask(model)
    refused = next(message for message in results(model) if message.status == "error")
    assert complaint in str(refused.content)
    assert turn.answer == "6 Sunkist bottles."
    assert [call.error is None for call in turn.calls] == [False, True]


@pytest.mark.parametrize(
    ("error", "told", "hidden"),
    [
        (PhotoError("p1: truncated JPEG"), "truncated JPEG", None),
        (ToolError("row 9: there are 4 shelves"), "there are 4 shelves", None),
        (ZeroDivisionError("secret detail"), "failed inside", "secret detail"),
        (MemoryError("secret detail"), "failed inside", "secret detail"),
    ],
)
def test_every_exception_of_a_tool_becomes_an_error_message(
    error: Exception, told: str, hidden: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(arguments: CountArguments, progress: Progress) -> CountRecord:
        raise error

    model = ScriptedChatModel(COUNT, AIMessage("It could not be counted."))
    turn = remote(model, fake_registry(count=fail)).ask(request("count the Sunkist bottles"))
    assert told in str(results(model)[0].content)
    assert hidden is None or hidden not in str(results(model)[0].content)
    assert told in str(turn.calls[0].error)
    assert (hidden is None) == (not caplog.records)


def test_an_endless_loop_of_new_calls_ends_at_the_model_call_limit() -> None:
    steps = [AIMessage("", tool_calls=[call(target=f"thing {i}", id=f"c{i}")]) for i in range(4)]
    turn = ask(ScriptedChatModel(*steps), model_calls=4)
    assert "stopped after 4 calls" in turn.notices[0]
    assert len(turn.records) == 4
    assert "6 thing 0." in turn.answer


def test_a_repeated_call_runs_once_and_is_refused_the_third_time() -> None:
    runs = []

    def run(arguments: CountArguments, progress: Progress) -> CountRecord:
        runs.append(arguments.target)
        return count_record(arguments.target, 6)

    steps = [AIMessage("", tool_calls=[call(target="cans", id=f"c{i}")]) for i in range(3)]
    model = ScriptedChatModel(*steps, AIMessage("6 cans."))
    turn = remote(model, fake_registry(count=run)).ask(request("count the cans"))
    assert runs == ["cans"]
    assert [message.status for message in results(model)] == ["success", "success", "error"]
    assert turn.answer == "6 cans."


def test_a_fan_out_of_a_thousand_calls_is_cut_at_the_tool_call_limit() -> None:
    calls = [call(target=f"thing {i}", id=f"c{i}") for i in range(1000)]
    model = ScriptedChatModel(AIMessage("", tool_calls=calls), AIMessage("done"))
    turn = ask(model, tool_calls=5)
    assert len(turn.records) <= 5
    assert len(results(model)) == 1000


def test_invalid_json_is_asked_for_again_twice_and_not_more() -> None:
    def bad() -> AIMessage:
        return AIMessage(
            "",
            invalid_tool_calls=[
                {"name": "count", "args": "{target:", "id": "x", "error": "bad", "type": "invalid_tool_call"}
            ],
        )

    model = ScriptedChatModel(bad(), COUNT, AIMessage("6 Sunkist bottles."))
    assert ask(model).answer == "6 Sunkist bottles."
    assert any("not a JSON object" in str(m.content) for m in model.seen[1] if isinstance(m, HumanMessage))
    with pytest.raises(PlannerError, match="keeps sending"):
        ask(ScriptedChatModel(bad(), bad(), bad()))


def test_re_asks_are_counted_over_the_whole_turn() -> None:
    empty = AIMessage("")
    with pytest.raises(PlannerError, match="it was empty"):
        ask(ScriptedChatModel(empty, COUNT, empty, AIMessage("", tool_calls=[call(target="jars")]), empty))


def test_tokens_are_limited_over_the_whole_turn() -> None:
    usage = {"input_tokens": 90, "output_tokens": 20, "total_tokens": 110}
    heavy = AIMessage("", tool_calls=[call(target="cans")], usage_metadata=usage)  # type: ignore[arg-type]
    with pytest.raises(PlannerError, match="100 tokens"):
        ask(ScriptedChatModel(heavy), tokens=100)


def test_a_crash_of_a_turn_does_not_poison_the_thread() -> None:
    memory = InMemorySaver()
    model = ScriptedChatModel(
        AIMessage("", tool_calls=[call(target="cans", id="open")]), COUNT, AIMessage("6 Sunkist bottles.")
    )

    def interrupted(arguments: CountArguments, progress: Progress) -> CountRecord:
        if arguments.target == "cans":
            raise KeyboardInterrupt
        return count_record(arguments.target, 6)

    planner = Planner(
        fake_registry(count=interrupted),
        model,
        name="openai:scripted",
        limits=Limits(),
        trouble=one_line,
        checkpointer=memory,
    )
    with pytest.raises(KeyboardInterrupt):
        planner.ask(request("count the cans"), thread="t")
    assert planner.ask(request("count the Sunkist bottles"), thread="t").answer == "6 Sunkist bottles."
    asked = [m for m in model.seen[-1] if isinstance(m, AIMessage) for _ in m.tool_calls]
    assert len(asked) == len(results(model))


def test_a_long_chat_shows_the_model_its_last_turns_whole() -> None:
    turns = 10
    steps = [
        message
        for i in range(turns)
        for message in (AIMessage("", tool_calls=[call(target=f"cans {i}", id=f"c{i}")]), AIMessage(f"6 cans {i}."))
    ]
    model = ScriptedChatModel(*steps)
    planner = Planner(
        fake_registry(),
        model,
        name="openai:scripted",
        limits=Limits(),
        trouble=one_line,
        checkpointer=InMemorySaver(),
    )
    for i in range(turns):
        planner.ask(request(f"count the cans {i}"), thread="t")
    model.done()
    kinds = [message.type for message in model.seen[-1] if message.type != "system"]
    assert kinds == ["human", "ai", "tool", "ai"] * (RECENT_TURNS - 1) + ["human", "ai", "tool"]


def test_the_model_sees_numbers_and_words_but_no_masks_and_no_paths() -> None:
    model = ScriptedChatModel(COUNT, AIMessage("6 Sunkist bottles."))
    ask(model)
    seen = json.loads(str(results(model)[0].content))
    assert seen["count"] == 6
    assert "mask" not in str(seen)


def test_a_tool_that_runs_past_the_deadline_is_stopped_and_the_turn_says_so() -> None:
    def endless(arguments: CountArguments, progress: Progress) -> CountRecord:
        while not progress.cancelled.wait(0.01):
            pass
        raise Cancelled("the count was cancelled")

    planner = Planner(fake_registry(count=endless), RuleChatModel(), name="rules", limits=Limits(turn_seconds=0.3))
    with pytest.raises(DeadlineError, match=r"0\.3 seconds"):
        planner.ask(request("count the cans"))


def test_what_was_counted_before_the_deadline_is_answered() -> None:
    def second_is_endless(arguments: CountArguments, progress: Progress) -> CountRecord:
        if arguments.target == "jars":
            progress.cancelled.wait(10)
            raise Cancelled("the count was cancelled")
        return count_record(arguments.target, 4)

    planner = Planner(
        fake_registry(count=second_is_endless), RuleChatModel(), name="rules", limits=Limits(turn_seconds=0.5)
    )
    turn = planner.ask(request("count the cans and the jars"))
    assert turn.answer == "4 cans."
    assert turn.notices == ("no answer within 0.5 seconds; this is what was counted by then",)


def test_a_cancelled_turn_does_not_wait_for_the_language_model() -> None:
    class Slow(ScriptedChatModel):
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            progress.cancelled.set()
            release.wait(10)
            raise AssertionError("left behind")

    progress, release = Progress(), threading.Event()
    try:
        with pytest.raises(Cancelled):
            remote(Slow()).ask(request("count the cans"), progress)
    finally:
        release.set()


def test_auto_falls_back_to_the_rules_and_says_so() -> None:
    settings = Settings(api_key="k", base_url="http://127.0.0.1:9/v1")  # type: ignore[arg-type]
    turn = Planners(fake_registry(), settings, "auto").ask(request("count the Sunkist bottles"))
    assert turn.planner == "rules"
    assert turn.answer == "6 Sunkist bottles."
    assert "built-in rules" in turn.notices[0]


def test_openai_by_name_does_not_fall_back() -> None:
    settings = Settings(api_key="k", base_url="http://127.0.0.1:9/v1")  # type: ignore[arg-type]
    with pytest.raises(PlannerError, match="cannot be reached"):
        Planners(fake_registry(), settings, "openai").ask(request("count the Sunkist bottles"))


def test_openai_without_key_and_address_is_refused_at_once() -> None:
    with pytest.raises(PlannerError, match="OPENAI_API_KEY"):
        Planners(fake_registry(), Settings(api_key=None, base_url=None), "openai")


def test_rules_answer_several_photos_with_a_total() -> None:
    planner = Planner(fake_registry(), RuleChatModel(), name="rules", limits=Limits())
    turn = planner.ask(request("count the cans in both photos", 2))
    assert turn.answer.splitlines() == ["soda.jpg: 6 cans.", "beans.jpg: 6 cans.", "Together: 12 cans."]
