"""Messages: every one in every language, and the language that was asked for."""

from __future__ import annotations

from string import Formatter

import pytest

from spanledger import environment
from spanledger.exceptions import ConfigurationError
from spanledger_api.messages import Locale, catalogue, default_locale, message, negotiated_locale


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_every_message_says_the_same_in_every_language(key: str) -> None:
    """Each language has the message, with the same values to fill in."""
    texts = catalogue()[key]

    assert set(texts) == {locale.value for locale in Locale}
    assert len({frozenset(name for _, name, _, _ in Formatter().parse(text) if name) for text in texts.values()}) == 1


def test_values_are_filled_in_as_they_are() -> None:
    """A value that looks like a placeholder is not filled in again."""
    text = message("service_dominance", Locale.TRADITIONAL_CHINESE, service="{percentage}", percentage="75")

    assert text == "{percentage} 佔總成本 75%，考慮是否有替代方案"  # noqa: RUF001 - Chinese punctuation


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, Locale.ENGLISH),
        ("", Locale.ENGLISH),
        ("zh-TW,zh;q=0.9,en-US;q=0.8", Locale.TRADITIONAL_CHINESE),
        ("zh-Hant-HK", Locale.TRADITIONAL_CHINESE),
        ("de, zh-TW;q=0.5, en;q=0.7", Locale.ENGLISH),
        ("de", Locale.ENGLISH),
        ("zh-TW;q=0", Locale.ENGLISH),
        ("*, zh-TW;q=0.5", Locale.ENGLISH),
        ("zh-TW;q=nonsense, ;;;", Locale.ENGLISH),
    ],
)
def test_the_request_chooses_the_language(header: str | None, expected: Locale) -> None:
    """The range with the highest weight that there is a catalogue for wins, else the default."""
    assert negotiated_locale(header, Locale.ENGLISH) is expected


def test_the_environment_sets_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """`SPANLEDGER_LOCALE` names the default; a language there is not is refused by name."""
    monkeypatch.delenv(environment.LOCALE, raising=False)
    assert default_locale() is Locale.ENGLISH
    monkeypatch.setenv(environment.LOCALE, "zh-TW")
    assert default_locale() is Locale.TRADITIONAL_CHINESE
    monkeypatch.setenv(environment.LOCALE, "fr")
    with pytest.raises(ConfigurationError, match="'fr'"):
        default_locale()
