import pytest

from agent.evaluation import Outcome, Question, by_kind, read_questions, score
from segmentation.errors import DataError


def outcome(counted: int | None, count: int, least: int, most: int, **more) -> Outcome:
    boxes = more.pop("drawn", None)
    question = Question(image="a.jpg", prompt="cans", kind="brand", count=count, low=least, high=most, boxes=boxes)
    figures = {"low": counted, "high": counted, **more} if counted is not None else more
    return Outcome(question=question, counted=counted, **figures)


def test_figures_worked_out_by_hand() -> None:
    figures = score(
        [outcome(5, 5, 5, 6), outcome(8, 6, 5, 7, high=8, low=7), outcome(0, 2, 2, 2), outcome(None, 4, 4, 4)]
    )
    assert (figures.questions, figures.failed) == (4, 1)
    assert (figures.within, figures.exact) == (0.25, 0.25)
    assert figures.mae == pytest.approx(4 / 3, abs=1e-3)  # errors 0, 2, -2
    assert figures.rmse == pytest.approx((8 / 3) ** 0.5, abs=1e-3)
    assert figures.nae == pytest.approx((0 + 2 / 6 + 1) / 3, abs=1e-3)
    assert figures.bias == 0
    assert figures.covered == 0.5  # 7..8 meets 5..7


def test_an_absent_thing_that_is_counted_is_reported() -> None:
    assert score([outcome(2, 0, 0, 0), outcome(0, 0, 0, 0)]).found_though_absent == 1


def test_points_match_each_hand_drawn_box_once() -> None:
    drawn = ((0, 0, 10, 10), (20, 0, 30, 10))
    found = ((1, 1, 9, 9), (2, 2, 8, 8), (50, 0, 60, 10))  # one right, one on the same pack, one on nothing
    assert score([outcome(3, 2, 2, 2, drawn=drawn, boxes=found)]).point_f1 == pytest.approx(2 * 1 / 5)


def test_scores_come_by_kind_and_for_all() -> None:
    assert list(by_kind([outcome(1, 1, 1, 1)])) == ["brand", "all"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("", "holds no questions"), ("{}\n", "line 1: image"), ("\n[1]\n", "line 2")],
)
def test_a_file_that_holds_no_questions_is_refused_with_the_line(tmp_path, text, complaint) -> None:
    path = tmp_path / "counts.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=complaint):
        read_questions(path)
