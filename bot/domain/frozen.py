"""The base of the models: values that don't change."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A model whose fields can't be assigned to.

    Its validator is built when it is first used: many models are only parts of others, which
    validate them, and all together take a megabyte.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)
