"""Telling English from the rest: by script, by small words, and in doubt for English."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecase.text import is_english


@pytest.mark.parametrize(
    "text",
    [
        "Where is my parcel? It should have come on Tuesday.",
        "How do I kill a zombie process on Linux?",
        "ok thanks",
        "",
        "12345 !!!",
        "Translate 'Wo ist der Bahnhof?' into English for me, please.",
        "def f(x): return x + 1",
    ],
)
def test_english_and_what_has_no_language(text: str) -> None:
    assert is_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "Wie ändere ich meine Lieferadresse und was kostet das?",
        "¿Cuánto cuesta el envío a Chile y cómo puedo pagar?",
        "Comment puis-je changer mon adresse de livraison ?",
        "Come posso cambiare il mio indirizzo di consegna?",
        "Bagaimana cara mengubah alamat pengiriman saya?",
        "Ninawezaje kubadilisha anwani ya kutuma bidhaa katika akaunti?",
        "我怎样更改我的送货地址？",
        "Как изменить адрес доставки?",
        "كيف يمكنني تغيير عنوان التسليم؟",
        "ฉันจะเปลี่ยนที่อยู่จัดส่งได้อย่างไร",
    ],
)
def test_other_languages(text: str) -> None:
    assert not is_english(text)


@given(st.text(max_size=500))
def test_any_text_gets_an_answer(text: str) -> None:
    assert is_english(text) in (True, False)
