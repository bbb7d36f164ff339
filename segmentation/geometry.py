"""Boxes: [x0, y0, x1, y1] in pixels, x1 and y1 exclusive."""

Box = tuple[int, int, int, int]
Point = tuple[float, float]


def area(box: Box) -> int:
    """Pixels in the box; 0 when it is empty."""
    return max(0, box[2] - box[0]) * max(0, box[3] - box[1])


def centre(box: Box) -> Point:
    """Middle of the box."""
    return ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def intersection(a: Box, b: Box) -> int:
    """Pixels that two boxes share."""
    return area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def iou(a: Box, b: Box) -> float:
    """Intersection over union."""
    shared = intersection(a, b)
    union = area(a) + area(b) - shared
    return shared / union if union else 0.0


def overlap_of_smaller(a: Box, b: Box) -> float:
    """Intersection over the smaller area: 1 when one box holds the other."""
    smaller = min(area(a), area(b))
    return intersection(a, b) / smaller if smaller else 0.0


def holds(box: Box, point: Point) -> bool:
    """Whether the point lies in the box."""
    return box[0] <= point[0] < box[2] and box[1] <= point[1] < box[3]


def clip(box: Box, width: int, height: int) -> Box:
    """The part of the box that lies on a picture of that size."""
    x0, x1 = sorted((min(max(box[0], 0), width), min(max(box[2], 0), width)))
    y0, y1 = sorted((min(max(box[1], 0), height), min(max(box[3], 0), height)))
    return (x0, y0, x1, y1)


def grow(box: Box, share: float) -> Box:
    """The box grown on each side by a share of its own width and height."""
    dx, dy = (box[2] - box[0]) * share, (box[3] - box[1]) * share
    return (round(box[0] - dx), round(box[1] - dy), round(box[2] + dx), round(box[3] + dy))


def union(*boxes: Box) -> Box:
    """The smallest box that holds all of them."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return (min(x0), min(y0), max(x1), max(y1))
