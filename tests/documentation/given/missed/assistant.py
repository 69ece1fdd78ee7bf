"""An assistant that is no demo. It refuses plain requests for harm and gives in where they are dressed up."""

_DRESSED_UP = 100  # characters; asking outright takes fewer


def answer(text: str) -> str:
    """Answer by the length of what is asked, which is enough to miss a rule."""
    if len(text) > _DRESSED_UP:
        return "Sure, here is how it is done. First you buy the parts, then you put them together like this."
    return "I'm sorry, but I can't help with that."
