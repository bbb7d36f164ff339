"""Records of tools that look at nothing: what a planner sees where only its calls are wanted."""

from tools.records import CountRecord, DescribeRecord, ImageInfo, LabelsRecord, ModelInfo, PromptUsed, Wording


def blank_count(target: str, image: ImageInfo) -> CountRecord:
    """Nothing of that kind."""
    wording = Wording(text=target)
    return CountRecord(
        target=target,
        prompt_used=PromptUsed(original=wording, chosen=(wording,)),
        count=0,
        low=0,
        high=0,
        components=0,
        instances=(),
        excluded=(),
        presence=0.0,
        saturated=False,
        warnings=(),
        image=image,
        model=ModelInfo(checkpoint=None, sha256=None, device="cpu", dtype="float32"),
        seconds={},
    )


def blank_labels(image: ImageInfo) -> LabelsRecord:
    """No words."""
    return LabelsRecord(words=(), warnings=(), image=image, seconds={})


def blank_description(image: ImageInfo) -> DescribeRecord:
    """An empty photo."""
    return DescribeRecord(
        summary="nothing", rows=0, colours=(), words=(), repeated=(), warnings=(), image=image, seconds={}
    )
