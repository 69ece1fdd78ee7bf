"""The application that the pages about targets speak of."""


class Chain:
    """What a chain of LangChain offers: a mapping in, an answer out."""

    def invoke(self, question: dict[str, str]) -> str:
        """Answer without a model."""
        return f"You asked: {question['question']}"


chain = Chain()
