"""JSONMethods: what every record does with JSON."""

from __future__ import annotations

from typing import Any, Self


class _Serializer:
    """The serializer of a class for pydantic, made when it is asked for."""

    def __get__(self, instance: object, owner: type[Any]) -> Any:
        try:
            from plivo_async.record.pydantic_schema import serializer_of
        except ImportError:
            # Tools that read every attribute of a class pass over this error only.
            raise AttributeError("pydantic is not installed") from None
        return serializer_of(owner)


class JSONMethods:
    """The methods between a record and its JSON form."""

    __slots__ = ()

    # The converter imports the records, so its functions are imported when they are called.

    def to_dict(self) -> dict[str, Any]:
        """Return the record as Plivo sent it: keys in their order, nulls, money and times as text.

        Fields that `attrs.evolve` has added follow, except those that are None.

        Raises:
            ValueError: A field has no JSON form, such as a time without an offset.
        """
        from plivo_async.record.converter import record_to_dict

        return record_to_dict(self)

    def to_json(self) -> str:
        """Return the record as one line of ASCII JSON, with every digit as sent.

        Raises:
            ValueError: A field has no JSON form, such as a time without an offset.
            TypeError: A value in `extra` has no JSON form.
        """
        from plivo_async.record.converter import record_to_json

        return record_to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes | bytearray) -> Self:
        """Read a record from JSON text, from Plivo or from `to_json`.

        Args:
            text: The JSON; bytes are UTF-8.

        Raises:
            DecodeError: The text is not JSON, or not such a record.
        """
        from plivo_async.record.converter import from_json_as

        return from_json_as(cls, text)

    # pydantic asks for these three, and FastAPI through it. They import what needs pydantic. The first one is
    # for a record where the type is not known, such as a value of `dict[str, Any]`.

    __pydantic_serializer__ = _Serializer()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from plivo_async.record.pydantic_schema import schema_of

        return schema_of(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        from plivo_async.record.pydantic_schema import json_schema_of

        return json_schema_of(cls)
