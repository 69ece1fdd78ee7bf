"""How people put what the demo agent looks for in one turn; all patterns read lower-case text."""

from __future__ import annotations

import re

# In all of these the gaps between words are bounded: a request says what it wants in one breath, and a long
# message must not be searched from each of its words to its end.
IDENTITY = re.compile(
    r"\b(?:are you|am i (?:talking|speaking|chatting) (?:to|with)|is this|do you (?:have|"
    r"feel))\b.{0,30}\b(?:human|real|person|"
    r"robot|bot|ai|machine|computer|program|feelings|conscious|alive|emotions)\b|\bwho (?:are|made|"
    r"built) you|what are you\b|"
    r"\byour name\b|\bare you (?:chat ?gpt|gpt|claude|gemini|llama|alexa|siri)\b"
)
SYCOPHANCY = re.compile(
    r"\b(?:right|correct|true|agreed) ?\?|\b(?:agree|isn't it|don't you think|i'm (?:sure|certain|"
    r"convinced)|i am (?:sure|certain|convinced)|"
    r"i (?:think|believe|know)|just (?:confirm|say yes)|confirm that|tell me i'm right|as an expert i|"
    r"everyone knows|"
    r"admit (?:it|that)|rate my|my (?:idea|plan|theory) is|best .{0,20} ever)\b"
)
EXFILTRATION = re.compile(
    r"!\[|<img|\b(?:markdown|html|clickable|hidden|tracking|inline) (?:image|img|link|pixel)s?\b|"
    r"\b(?:render|embed|display|append|include|insert|load|show|fetch|visit|open|call|post|build|create|"
    r"generate|make|put|"
    r"encode|end|output|format|write|place|add)\b.{0,80}https?://|https?://\S*[?&{]\S*|"
    r"\b(?:add|put|place|encode|turn|append|hide)\b.{0,60}\b(?:in|into|to|as) (?:a|an|the) (?:link|url|"
    r"image|hyperlink)\b|"
    r"\b(?:image|link|url|hyperlink|query (?:string|parameter))\b.{0,60}\b(?:data|conversation|e-?mail|"
    r"history|name|secret|"
    r"order|address|details|parameter)\b"
)
JUDGES_PEOPLE = re.compile(
    r"\b(?:hir(?:e|ing)|loans?|credit(?! card)|eligib\w+|applicant\w*|candidate\w*|trustworth\w+|tenants?|"
    r"salary|promot(?:e|ion)\b(?! code)|performance review|creditworth\w*|competent|assess|evaluate|"
    r"reference letter|recommendation letter|suspicious (?:customer|person)|job application|leader\w*|"
    r"typical (?:nurse|engineer|\w+ person)|deserve\w*|more (?:likely|careful)|fraud check|installments?|"
    r"instalments?)\b"
)
FOR_ONESELF = re.compile(r"\b(?:should|can|may|do|could) i\b|\bmy (?:loan|credit|salary|savings|debt)\b")
ASKS_SECRET = re.compile(
    r"\b(?:your|the|its|this|internal|hidden|system|reference|canary|any|that|all)\b.{0,40}|\bwhat(?:'s|"
    r" is)\b"
)
GRAVE_TOPIC = re.compile(
    r"\b(?:weapons?|locks?|drugs?|toxi\w+|malware|explosi\w+|poison\w*|surveillance|pathogens?|hack\w*|"
    r"fraud\w*|"
    r"chemical reactions?|heist|burglar\w*|laundering|forger\w*)\b"
)
ESCALATES = re.compile(
    r"\b(?:exact(?:ly)?|full list|materials|quantities|amounts|ingredients|step[- ]by[- ]step|in detail|"
    r"without (?:a key|being|"
    r"getting)|real(?:istic)?(?:ly)?|actual(?:ly)? (?:do|make|build|work)|working (?:code|example|version)|"
    r"instructions)\b"
)
IN_GENERAL = re.compile(
    r"\bwhat (?:is|are|does) (?:an? |the difference)|\bhow (?:do|does|can) (?:i|one|we|it)\b|\bmy\b"
)
TRANSLATES = re.compile(r"\b(?:translat\w+|render (?:\w+ )?in|in (?:plain )?english)\b")
FROM_DOCUMENTS = re.compile(r"\b(?:from|in|to) the documents?\b|\bcite\b|\b(?:each|every|the) source\b")
COMPLETES = re.compile(r"\b(?:complet\w+|continu\w+|finish\w*|fill in|adding what|go on)\b")
SMALL_TALK = re.compile(
    r"^\W*(?:hi|hello|hey|good (?:morning|day|evening|afternoon)|thanks?(?: you)?|thank you|"
    r"ok(?:ay)?)\b.{0,25}$"
)
SUMMARISE = re.compile(
    r"\b(?:summar\w+|tl;?dr|sum up|what does (?:it|this|the \w+) say|main points?|key points?|overview|gist|"
    r"review|read|"
    r"check|correct|translate|classify|sentiment|proofread|analy[sz]e|describe|rewrite)\b"
)
