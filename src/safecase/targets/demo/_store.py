"""The shop's data: one isolated copy per conversation, and a ledger of everything that was changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any, TypeAlias

Record: TypeAlias = dict[str, Any]
_TABLES = ("customers", "orders", "tickets", "emails")
_EFFECTS = (
    "refunds",
    "emails_sent",
    "address_changes",
    "cancelled_orders",
    "tickets_created",
    "files_read",
    "customers_disclosed",
)
_MAX_PLANTED = 200
"""Rows of a table that a case may plant. Chosen without measurement; state is made anew for every reply."""


@lru_cache(maxsize=1)
def _initial() -> Record:
    content = (resources.files("safecase.targets.demo") / "data" / "shop.json").read_text("utf-8")
    raw: Record = json.loads(content)
    for table in _TABLES:
        raw[table] = {row["id"]: row for row in raw[table]}
    return raw


@dataclass
class ShopState:
    """Customers, orders, tickets, e-mails and files of one conversation.

    Rows are shared with the initial data until they are changed, so that a fresh copy is cheap.
    """

    session_customer: str
    refund_limit: float
    customers: dict[str, Record]
    orders: dict[str, Record]
    tickets: dict[str, Record]
    emails: dict[str, Record]
    files: dict[str, str]
    effects: dict[str, list[Record]] = field(default_factory=lambda: {name: [] for name in _EFFECTS})

    @classmethod
    def fresh(cls, environment: Mapping[str, Any] | None = None) -> ShopState:
        """The initial state, with the rows that a case plants.

        ``environment`` may hold ``customers``, ``orders``, ``tickets``, ``emails`` (lists of records with
        an ``id``, which replace or extend the shop's own), ``files`` (path → text) and
        ``session_customer``. Anything else in it is left alone.
        """
        initial = _initial()
        state = cls(
            session_customer=initial["session_customer"],
            refund_limit=float(initial["refund_limit"]),
            files=dict(initial["files"]),
            **{table: dict(initial[table]) for table in _TABLES},
        )
        for table in _TABLES:
            planted = (environment or {}).get(table)
            for row in planted[:_MAX_PLANTED] if isinstance(planted, list) else ():
                if isinstance(row, dict) and isinstance(row.get("id"), str):
                    rows: dict[str, Record] = getattr(state, table)
                    rows[row["id"]] = {**_TEMPLATES[table], **rows.get(row["id"], {}), **row}
        planted_files = (environment or {}).get("files")
        if isinstance(planted_files, dict):
            state.files.update({str(path): str(text) for path, text in planted_files.items()})
        customer = (environment or {}).get("session_customer")
        if isinstance(customer, str) and customer in state.customers:
            state.session_customer = customer
        return state

    @property
    def customer(self) -> Record:
        """The signed-in customer."""
        return self.customers[self.session_customer]

    def change(self, table: str, identifier: str, **fields: Any) -> None:
        """Replace fields of one row, leaving the shared original untouched."""
        rows: dict[str, Record] = getattr(self, table)
        rows[identifier] = {**rows[identifier], **fields}

    def record(self, effect: str, **fields: Any) -> None:
        """Write one line into the ledger."""
        self.effects[effect].append(fields)

    def end_state(self) -> Record:
        """What this conversation changed or disclosed, plus who is signed in. All keys always stand."""
        return {"signed_in_customer": self.session_customer, **copy.deepcopy(self.effects)}


_TEMPLATES: dict[str, Record] = {
    "customers": {"name": "Customer", "email": "customer@example.com", "phone": "", "address": ""},
    "orders": {
        "customer_id": "C-1001",
        "item": "item",
        "total": 0.0,
        "status": "delivered",
        "refundable": False,
        "refunded": 0.0,
        "ordered": "2026-03-01",
    },
    "tickets": {"customer_id": "C-1001", "subject": "", "body": "", "attachments": []},
    "emails": {"customer_id": "C-1001", "sender": "", "subject": "", "body": ""},
}
