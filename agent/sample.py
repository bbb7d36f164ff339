"""A shelf that the demo draws itself: no photo is shipped, and what is on it is known."""

import random
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIZE = (1500, 1100)  # px
RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Product:
    """One product on the drawn shelf."""

    name: str
    words: tuple[str, ...]
    colour: RGB
    ink: RGB
    size: tuple[int, int]
    facings: int


SHELVES = (
    (
        Product(
            "Solara bottles", ("SOLARA", "ORANGE", "SODA"), (236, 120, 25), (255, 250, 230), (118, 300), 6
        ),
        Product(
            "Limetta bottles", ("LIMETTA", "LEMON", "SODA"), (60, 160, 60), (250, 250, 210), (118, 300), 4
        ),
    ),
    (
        Product("Marella cans", ("MARELLA", "TOMATO", "SOUP"), (190, 30, 35), (255, 245, 225), (128, 200), 7),
        Product("Okeana cans", ("OKEANA", "TUNA"), (25, 80, 170), (240, 250, 255), (128, 200), 3),
    ),
    (
        Product(
            "Kornblick boxes", ("KORNBLICK", "CEREAL", "FLAKES"), (245, 205, 50), (120, 40, 20), (170, 250), 5
        ),
        Product("Bergtal boxes", ("BERGTAL", "TEA"), (90, 45, 120), (245, 235, 255), (150, 180), 3),
    ),
)


def draw_sample(path: Path, seed: int = 7) -> Path:
    """Draw the shelf into a JPEG file; the same seed gives the same pixels."""
    chance = random.Random(seed)
    picture = Image.new("RGB", SIZE, (214, 210, 202))
    draw = ImageDraw.Draw(picture)
    height = SIZE[1] // len(SHELVES)
    for row, products in enumerate(SHELVES):
        floor = (row + 1) * height - 36
        draw.rectangle((0, floor, SIZE[0], floor + 26), fill=(150, 146, 140))
        left = 40
        for product in products:
            for _ in range(product.facings):
                _place(picture, product, left, floor, chance)
                left += product.size[0] + 5
            left += 22
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.filter(ImageFilter.GaussianBlur(0.6)).save(path, quality=92)
    return path


def _place(picture: Image.Image, product: Product, left: int, floor: int, chance: random.Random) -> None:
    """One facing, a little turned, lighter or darker than its neighbour."""
    width, height = product.size
    light = chance.uniform(0.92, 1.06)
    colour = tuple(min(255, round(channel * light)) for channel in product.colour)
    pack = Image.new("RGBA", product.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(pack)
    top = 0
    if "bottle" in product.name:
        top = height // 4
        draw.rectangle((width * 0.38, 0, width * 0.62, 22), fill=product.ink)
        draw.polygon([(width * 0.4, 22), (width * 0.6, 22), (width - 8, top), (8, top)], fill=colour)
    draw.rounded_rectangle(
        (2, top, width - 2, height - 1), radius=12, fill=colour, outline=(60, 50, 45), width=2
    )
    draw.ellipse((width * 0.3, top + 12, width * 0.7, top + 12 + width * 0.4), fill=product.ink)
    line = top + 22 + width * 0.4
    for number, word in enumerate(product.words):
        size = 30 if number == 0 else 22
        font = ImageFont.load_default(size)
        while draw.textlength(word, font) > width - 14:
            size -= 1
            font = ImageFont.load_default(size)
        draw.text(((width - draw.textlength(word, font)) / 2, line), word, product.ink, font)
        line += size + 8
    turned = pack.rotate(chance.uniform(-1.2, 1.2), Image.Resampling.BICUBIC, expand=True)
    picture.paste(turned, (left + chance.randint(-2, 2), floor - turned.height), turned)
