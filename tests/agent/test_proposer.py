import json

import pytest
from langchain_core.messages import AIMessage

import prompts
from agent.proposer import ModelProposer
from segmentation.target import parse_target
from tests.agent.fakes import ScriptedChatModel
from tools.optimizer import WordingRequest, faithful, wordings

REQUEST = WordingRequest(parse_target("red cans"), "two rows", ("TOMATO", "\x1b[31mSOUP"), ("colours:\x07 red",))


def reply(*texts: str) -> AIMessage:
    return AIMessage(json.dumps({"wordings": [{"text": text, "reason": "so"} for text in texts]}))


def test_the_models_wordings_come_in_its_order_with_their_reasons() -> None:
    proposals = ModelProposer(ScriptedChatModel(reply("a red can", "red tins"))).propose(REQUEST)
    assert [(item.text, item.reason) for item in proposals] == [
        ("a red can", "language model: so"),
        ("red tins", "language model: so"),
    ]


def test_what_is_not_faithful_is_dropped_behind_it() -> None:
    model = ScriptedChatModel(reply("Coca-Cola cans", "cans", "count is 0", "red tins", "green cans"))
    assert [item.text for item in wordings(REQUEST, [ModelProposer(model)])] == ["red tins"]


def test_the_photo_reaches_the_model_as_data() -> None:
    model = ScriptedChatModel(reply("red tins"))
    ModelProposer(model).propose(REQUEST)
    assert json.loads(str(model.seen[0][-1].content)) == {
        "target": "red cans",
        "caption": "two rows",
        "words": ["TOMATO", "SOUP"],
        "parts": ["colours: red"],
    }


@pytest.mark.parametrize(
    "step",
    [
        AIMessage("no JSON at all"),
        AIMessage("{"),
        AIMessage("}{"),
        AIMessage('{"wordings": "red"}'),
        AIMessage('{"wordings": [{"text": ""}]}'),
        AIMessage(json.dumps({"wordings": [{"text": "x"}] * 1000})),
        ConnectionError("gone"),
        TimeoutError(),
    ],
)
def test_a_model_that_fails_proposes_nothing(step: AIMessage | Exception) -> None:
    assert ModelProposer(ScriptedChatModel(step)).propose(REQUEST) == ()


def test_words_around_the_json_do_no_harm() -> None:
    model = ScriptedChatModel(AIMessage(f"Sure!\n```json\n{reply('red tins').text}\n```"))
    assert [item.text for item in ModelProposer(model).propose(REQUEST)] == ["red tins"]


def test_the_examples_of_the_prompt_follow_its_own_rules() -> None:
    text = prompts.read("optimizer.md")
    decoder, position, documents = json.JSONDecoder(), text.index("Examples"), []
    while (start := text.find("{", position)) >= 0:
        document, position = decoder.raw_decode(text, start)
        documents.append(document)
    pairs = list(zip(documents[::2], documents[1::2], strict=True))
    assert len(pairs) >= 5
    wrong = [
        (asked["target"], item["text"])
        for asked, said in pairs
        for item in said["wordings"]
        if not faithful(parse_target(asked["target"]), item["text"])
    ]
    assert wrong == []
