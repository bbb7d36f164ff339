"""What can go wrong between pixels and instances.

    ShelfError                the root of everything this project raises on purpose
    ├── UserError             the person must change something; one line says what; exit code 2
    │   ├── PhotoError        the photo cannot be read, is too large, or is no photo
    │   ├── BoxError          an example box lies outside its photo or has no area
    │   ├── TargetError       the words name nothing that can be looked for
    │   ├── CheckpointError   weights missing, of another shape, or not safetensors
    │   └── DataError         training or evaluation data that cannot be used
    └── (tools.errors and agent.errors continue the tree)

Anything else that is raised is a bug and keeps its traceback.
"""


class ShelfError(Exception):
    """Raised on purpose; its text is fit to be shown."""


class UserError(ShelfError):
    """The person who asked must change something; the text says what."""


class PhotoError(UserError):
    """The photo cannot be read, is too large, or is no photo at all."""


class BoxError(UserError):
    """An example box lies outside its photo or has no area."""


class TargetError(UserError):
    """The words name nothing that can be looked for."""


class CheckpointError(UserError):
    """Weights that are missing, of another shape, or in a format that is not loaded."""


class DataError(UserError):
    """Training or evaluation data that cannot be used as it is."""
