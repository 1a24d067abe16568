"""The refiners."""

from __future__ import annotations

from dataflow_core.plugins import OperatorSpec
from dataflow_text.sources import C4, SNOWBALL, SYMSPELL

OPERATORS = (
    OperatorSpec(
        name="remove_html_urls",
        target="dataflow_text.refine.markup:RemoveHtmlUrls",
        summary="Remove HTML tags, scripts and URLs from a text",
        function="refine",
    ),
    OperatorSpec(
        name="normalize_whitespace",
        target="dataflow_text.refine.whitespace:NormalizeWhitespace",
        summary="Collapse runs of spaces and blank lines; line breaks survive",
        function="refine",
    ),
    OperatorSpec(
        name="remove_emoji",
        target="dataflow_text.refine.emoji:RemoveEmoji",
        summary="Remove emoji, with their flags, skin tones and joiners",
        function="refine",
    ),
    OperatorSpec(
        name="remove_emoticons",
        target="dataflow_text.refine.emoticons:RemoveEmoticons",
        summary="Remove emoticons such as :-) where they stand alone",
        function="refine",
    ),
    OperatorSpec(
        name="mask_pii",
        target="dataflow_text.refine.pii:MaskPii",
        summary="Mask e-mail addresses, phone and card numbers, names and other personal data",
        function="refine",
    ),
    OperatorSpec(
        name="decode_html_entities",
        target="dataflow_text.refine.entities:DecodeHtmlEntities",
        summary="Decode HTML entities such as &amp;",
        function="refine",
    ),
    OperatorSpec(
        name="remove_html_tags",
        target="dataflow_text.refine.markup:RemoveHtmlTags",
        summary="Remove HTML tags, comments, scripts and styles",
        function="refine",
    ),
    OperatorSpec(
        name="remove_urls",
        target="dataflow_text.refine.urls:RemoveUrls",
        summary="Remove URLs, but not the punctuation after them",
        function="refine",
    ),
    OperatorSpec(
        name="collapse_punctuation",
        target="dataflow_text.refine.punctuation:CollapsePunctuation",
        summary="Collapse runs of one mark at the end of a phrase",
        function="refine",
    ),
    OperatorSpec(
        name="remove_punctuation",
        target="dataflow_text.refine.punctuation:RemovePunctuation",
        summary="Remove punctuation of all scripts, except what is kept",
        function="refine",
    ),
    OperatorSpec(
        name="remove_numbers",
        target="dataflow_text.refine.characters:RemoveNumbers",
        summary="Remove whole numbers in the digits of any script",
        function="refine",
    ),
    OperatorSpec(
        name="lowercase",
        target="dataflow_text.refine.characters:Lowercase",
        summary="Write letters of all scripts in lower case",
        function="refine",
    ),
    OperatorSpec(
        name="remove_references",
        target="dataflow_text.refine.references:RemoveReferences",
        summary="Remove a wiki's footnotes and citing templates",
        function="refine",
    ),
    OperatorSpec(
        name="remove_image_references",
        target="dataflow_text.refine.references:RemoveImageReferences",
        summary="Remove images of Markdown, HTML and wikis, and figure labels",
        function="refine",
    ),
    OperatorSpec(
        name="expand_contractions",
        target="dataflow_text.refine.contractions:ExpandContractions",
        summary="Write English contractions out: don't becomes do not",
        function="refine",
    ),
    OperatorSpec(
        name="fix_unicode",
        target="dataflow_text.refine.unicode:FixUnicode",
        summary="Repair wrongly decoded text, and normalize characters",
        function="refine",
    ),
    OperatorSpec(
        name="normalize_text",
        target="dataflow_text.refine.normalize:NormalizeText",
        summary="Write dates as 2020-12-25 and money as 1000.50 USD",
        function="refine",
    ),
    OperatorSpec(
        name="remove_boilerplate_lines",
        target="dataflow_text.refine.lines:RemoveBoilerplateLines",
        summary="Remove cookie banners, notices, navigation and other boilerplate lines",
        function="refine",
        source=C4,
    ),
    OperatorSpec(
        name="remove_repeated_lines",
        target="dataflow_text.refine.lines:RemoveRepeatedLines",
        summary="Remove lines that occurred before in the same text",
        function="refine",
    ),
    OperatorSpec(
        name="remove_stop_words",
        target="dataflow_text.refine.words:RemoveStopWords",
        summary="Remove stop words; white space stays",
        function="refine",
    ),
    OperatorSpec(
        name="stem_words",
        target="dataflow_text.refine.words:StemWords",
        summary="Cut words to their stems; white space and case stay",
        function="refine",
        source=SNOWBALL,
    ),
    OperatorSpec(
        name="correct_spelling",
        target="dataflow_text.refine.words:CorrectSpelling",
        summary="Correct the spelling of English words",
        function="refine",
        source=SYMSPELL,
    ),
)
