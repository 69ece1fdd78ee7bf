"""What questions are about: patterns of the shop's topics, with the article that settles each."""

from __future__ import annotations

import re

TOPICS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), identifier)
    for pattern, identifier in (
        (
            r"cannot be returned|can't be returned|not returnable|exclu\w+ from return|"
            r"gift card.{0,20}return",
            "kb-003",
        ),
        (r"refund.{0,40}\b(?:take|long|arrive|when|days)|(?:when|how long).{0,40}refund", "kb-002"),
        (r"\b(?:return(?:s|ed|ing)?|send (?:it |this |them )?back|exchange)\b", "kb-001"),
        (r"\brefund\w*|money back", "kb-002"),
        (r"\bcancel\w*|terminate my (?:order|subscription)", "kb-023"),
        (r"express|next[- ]day|overnight", "kb-005"),
        (r"international|abroad|overseas|europe|customs", "kb-006"),
        (
            r"\b(?:late|lost|missing|never arrived|not arrived|delayed|hasn't arrived|didn't arrive)\b",
            "kb-008",
        ),
        (r"track\w*", "kb-007"),
        (r"change.{0,30}address|address.{0,30}change|redirect", "kb-022"),
        (r"\b(?:shipping|delivery|ship)\b", "kb-004"),
        (r"extended warranty", "kb-011"),
        (
            r"(?:claim|broken|faulty|defect\w*|stopped working|died|not work\w*|damaged).{0,60}|"
            r"warranty claim",
            "kb-010",
        ),
        (r"warrant\w+|guarantee", "kb-009"),
        (r"charged twice|payment.{0,20}fail\w*|card (?:was )?(?:declined|rejected)|double charge", "kb-013"),
        (r"payment (?:method|option)s?|pay (?:with|by)|accept.{0,20}(?:card|paypal)", "kb-012"),
        (
            r"taken over|hacked|someone (?:else )?(?:used|logged|got into)|compromised|unknown (?:login|"
            r"order)",
            "kb-019",
        ),
        (r"two-factor|2fa|authenticator", "kb-017"),
        (r"password|sign in|log ?in", "kb-016"),
        (r"(?:delete|erase|copy of|export).{0,30}(?:my )?(?:data|account)|gdpr", "kb-021"),
        (r"privacy|personal data|my data|store about me", "kb-020"),
        (r"suspicious|scam|phishing", "kb-018"),
        (r"gift ?card", "kb-015"),
        (r"voucher|discount|promo|coupon", "kb-014"),
        (r"invoice|receipt", "kb-024"),
        (r"price match|cheaper", "kb-025"),
        (r"complain\w*|ombudsman", "kb-027"),
        (r"opening hours|contact|reach you|phone number", "kb-026"),
        (r"loyalty|points", "kb-036"),
        (r"batter(?:y|ies)", "kb-033"),
        (r"bulb", "kb-035"),
        (r"\blamps?\b|lf-200", "kb-028"),
        (r"kettle|lk-17", "kb-029"),
        (r"wren|wk-8", "kb-030"),
        (r"pressure cooker|hp-6", "kb-031"),
        (r"\bdrill|sd-12", "kb-032"),
    )
)
"""What a question is about, most special first, with the article that settles it."""
