"""The shape of the settings, read off the models: which keys a table knows, and which model a path leads to.

Where a table may be one of several models, told apart by its `type`, pydantic writes the tag into the paths
of its errors: `("tables", "users", "csv", "path")`. No administrator wrote that step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from vsmtp.config.models.settings import Settings
from vsmtp.values.diagnostic import KeyPath

_TAG: Final = "type"


def keys_below(path: KeyPath) -> tuple[str, ...]:
    """The keys that the model of the table at this path knows; none when the path leads to no model."""
    kind: Any = Settings
    for _step, kind in _walk(path):  # noqa: B007 the last one is wanted
        pass
    model = model_of(kind)
    return tuple(field.alias or name for name, field in model.model_fields.items()) if model else ()


def written_path(path: KeyPath) -> KeyPath:
    """The path as it stands in the tree, without the tags of tables that are told apart by their `type`."""
    return tuple(step for step, _kind in _walk(path) if step is not None)


def model_of(kind: Any) -> type[BaseModel] | None:
    """The model that an annotation stands for, if it is one."""
    bare = _bare(kind)
    return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None


def tagged(kind: Any) -> Mapping[str, type[BaseModel]]:
    """The models that an annotation lets a table be, by their `type`; none where there is no choice."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    parts = get_args(kind) if get_origin(kind) in (Union, UnionType) else ()
    models = [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]
    fields = [(model.model_fields[_TAG], model) for model in models if _TAG in model.model_fields]
    return {str(get_args(field.annotation)[0]): model for field, model in fields}


def _walk(path: KeyPath) -> Iterator[tuple[str | int | None, Any]]:
    """Each step with the annotation of what it leads to; of a tag, None with the model it stands for."""
    kind: Any = Settings
    for step in path:
        choices = tagged(kind)
        if str(step) in choices:
            kind = choices[str(step)]
            yield None, kind
            continue
        kind = _below(kind, step)
        yield step, kind


def _below(kind: Any, step: str | int) -> Any:
    model = model_of(kind)
    if model is None:
        return get_args(_bare(kind))[-1] if get_args(_bare(kind)) else None
    named = {field.alias or name: field for name, field in model.model_fields.items()}
    field = named.get(str(step))
    return field.annotation if field is not None else None


def _bare(kind: Any) -> Any:
    while get_origin(kind) in (Annotated, Union, UnionType):
        kind = get_args(kind)[0]
    return kind
