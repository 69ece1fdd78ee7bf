"""References into public taxonomies: always (framework, version, id)."""

from __future__ import annotations

from safecase.base import Record


class TaxonomyReference(Record):
    """One entry of one version of one framework.

    ``version`` may be empty in a workspace file; the loader fills in the version of the catalog
    that it resolved the id against, so that a stored reference never floats.
    """

    framework: str
    """Catalog name: ``atlas``, ``owasp-llm``, ``owasp-agentic``, ``nist-ai-rmf``..."""
    version: str = ""
    id: str

    @classmethod
    def parse(cls, text: str) -> TaxonomyReference:
        """Read ``framework:id`` or ``framework@version:id``; raises ValueError on anything else."""
        framework, separator, identifier = text.partition(":")
        if not separator or not framework or not identifier:
            raise ValueError(f"'{text}' is not a taxonomy reference such as atlas:AML.T0051")
        name, _, version = framework.partition("@")
        return cls(framework=name, version=version, id=identifier)

    def __str__(self) -> str:
        version = f"@{self.version}" if self.version else ""
        return f"{self.framework}{version}:{self.id}"
