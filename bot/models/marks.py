"""The marks that models put around what is no answer: their reasoning, and calls of tools written as text. Data.

Servers are to take these out and often do not: a chat template that is too old, a parser that is not switched on. Each
row says whose mark it is. How they are told from marks that somebody only talks about is in `reasoning.py`.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """Something between two marks that is not shown."""

    whose: str
    opening: re.Pattern[str]
    closing: re.Pattern[str]  # may match the empty text before what begins the next part
    call: bool = False  # it calls a tool; else it is reasoning
    anywhere: bool = False  # nobody writes its opening mark in prose: it counts in the middle of a line too
    content: re.Pattern[str] | None = None  # how it must go on after the opening mark, to be one


def _mark(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _tag(name: str) -> Block:
    return Block(f"<{name}>", _mark(rf"<{name}(?:\s[^<>\n]{{0,200}})?>"), _mark(rf"</{name}\s*>"))


_NEVER = re.compile(r"(?!)")  # its end is the end of the answer
_JSON = re.compile(r"\s*[\[{<]")
_BAR = r"[|｜]"
_GAP = r"[_▁]"

# Qwen, DeepSeek, GLM, MiniMax, Nemotron, Phi, Ernie; Claude without its own field, Reflection; EXAONE; ByteDance.
_TAGS = (
    *("think", "thinking", "thought", "thoughts", "reasoning", "reason", "reflection", "antthinking", "scratchpad"),
    *("inner_thoughts", "inner_monologue", "internal_monologue", "chain_of_thought", "cot", "seed:think", "mm:think"),
)
_HARMONY = r"(?:<\|start\|>\s*assistant\s*)?"
_HARMONY_END = _mark(r"<\|(?:end|return|call)\|>|(?=<\|(?:start|channel)\|>)")

REASONING = (
    *map(_tag, _TAGS),
    Block("Magistral", _mark(r"\[THINK\]"), _mark(r"\[/THINK\]")),
    Block("Kimi", _mark(r"◁think▷"), _mark(r"◁/think▷")),
    Block("Cohere", _mark(r"<\|START_THINKING\|>"), _mark(r"<\|END_THINKING\|>")),
    Block("Apertus", _mark(r"<\|inner_prefix\|>"), _mark(r"<\|inner_suffix\|>")),
    Block("OpenThinker", _mark(r"<\|begin_of_thought\|>"), _mark(r"<\|end_of_thought\|>")),
    Block("Gemma", _mark(r"<\|channel>\s*(?:thought|thinking|analysis)\b"), _mark(r"<channel\|>"), anywhere=True),
    Block(
        "gpt-oss",
        _mark(_HARMONY + r"<\|channel\|>\s*(?:analysis|commentary)\b(?![^<]*\bto=)[^<]{0,80}<\|message\|>"),
        _HARMONY_END,
        anywhere=True,
    ),
)

CALLS = (
    Block(
        "gpt-oss",
        _mark(
            r"(?=<\|(?:start|channel)\|>(?:[^<]|<\|(?:start|channel|constrain)\|>){0,300}?\bto=)(?:<\|start\|>\s*assistant\b[^<]{0,100})?"
            r"<\|channel\|>\s*\w+[^<]{0,100}(?:<\|constrain\|>[^<]{0,40})?<\|message\|>"
        ),
        _HARMONY_END,
        call=True,
        anywhere=True,
    ),
    Block(
        "Hermes, Qwen, GLM, MiniMax, Granite",
        _mark(r"<(?:\w+:)?(?:tool_calls?|function_calls?)>"),
        _mark(r"</(?:\w+:)?(?:tool_calls?|function_calls?)>"),
        call=True,
        anywhere=True,
        content=re.compile(r"\s*(?:[\[{<]|[\w.-]+\s*<arg_key>)"),
    ),
    Block("Llama, Qwen3-Coder", _mark(r"<function=[\w.:-]+>"), _mark(r"</function>"), call=True, anywhere=True),
    Block("Anthropic", _mark(r"<invoke name=\"[\w.:-]+\">"), _mark(r"</invoke>"), call=True, anywhere=True),
    Block(
        "DeepSeek, newer",
        _mark(r"<｜DSML｜(?:function_calls|tool_calls)>"),
        _mark(r"</｜DSML｜(?:function_calls|tool_calls)>"),
        call=True,
        anywhere=True,
    ),
    Block("Gemma", _mark(r"<\|tool_call>"), _mark(r"<tool_call\|>"), call=True, anywhere=True),
    Block(
        "Phi, Granite", _mark(r"<\|tool_call\|>"), _mark(r"<\|/tool_call\|>"), call=True, anywhere=True, content=_JSON
    ),
    Block("Mistral", _mark(r"\[TOOL_CALLS\]"), _NEVER, call=True, anywhere=True, content=re.compile(r"\s*[\[{\w]")),
    Block("Llama", _mark(r"<\|python_tag\|>"), _mark(r"<\|eo[mt]_id\|>"), call=True, anywhere=True, content=_JSON),
    Block("Cohere", _mark(r"<\|START_ACTION\|>"), _mark(r"<\|END_ACTION\|>"), call=True, anywhere=True),
    Block("InternLM", _mark(r"<\|action_start\|>"), _mark(r"<\|action_end\|>"), call=True, anywhere=True),
    Block(
        "DeepSeek",
        _mark(rf"<{_BAR}tool{_GAP}calls{_GAP}begin{_BAR}>"),
        _mark(rf"<{_BAR}tool{_GAP}calls{_GAP}end{_BAR}>"),
        call=True,
        anywhere=True,
    ),
    Block(
        "Kimi",
        _mark(r"<\|tool_calls_section_begin\|>"),
        _mark(r"<\|tool_calls_section_end\|>"),
        call=True,
        anywhere=True,
    ),
)

# Phrases around reasoning that count at the very beginning alone: Granite's, and Harmony's marks with their bars lost.
PHRASES = (
    Block("Granite", _mark(r"Here(?:'s| is) my thought process:"), _mark(r"Here(?:'s| is) my response:")),
    Block("gpt-oss, bars lost", re.compile(r"analysis(?=[A-Z])"), re.compile(r"assistant\s*final")),
)
PHRASE_TEXTS = ("here's my thought process:", "here is my thought process:", "analysis")

# Marks that begin the answer itself. All that came before the first kind is none; the second counts after reasoning.
ANSWER = _mark(
    _HARMONY + r"<\|channel\|>\s*final\b[^<]{0,80}(?:<\|constrain\|>[^<]*)?<\|message\|>"
    r"|(?:<\|start\|>\s*assistant\s*)?<\|message\|>|<\|START_RESPONSE\|>"
)
WRAPPED = _mark(r"<(?:answer|output|response)>|<\|begin_of_solution\|>")
UNWRAPPED = _mark(r"</(?:answer|output|response)\s*>|<\|end_of_solution\|>|<\|END_RESPONSE\|>")

# Marks that end a turn: what a model writes after one, when nobody stops it, is a conversation with itself.
END = _mark(
    rf"<\|(?:end|return|im_end|eot_id|eom_id|endoftext|end_of_text|END_OF_TURN_TOKEN)\|>|<end_of_turn>|<turn\|>"
    rf"|<{_BAR}end{_GAP}of{_GAP}sentence{_BAR}>"
)

CHANNELS = ("<|start|>", "<|channel|>")  # with which Harmony goes on after the end of a part

CLOSING = re.compile("|".join(f"(?:{block.closing.pattern})" for block in REASONING if block.whose != "gpt-oss"), re.I)
STRAY = _mark(r"</(?:\w+:)?(?:tool_calls?|function_calls?|function|invoke)>")  # behind a call that was taken out

# The beginning of what may become a mark; without blanks, except for the attributes of tags and Harmony's headers.
_BEGUN = r"(?:<(?:\|\w{0,9}\|?)?)?"
UNFINISHED = _mark(
    r"<[/|｜]?[\w:|｜▁/\"=.-]{0,60}|<(?:" + "|".join(_TAGS) + r")\s[^<>\n]{0,200}|<invoke name=[^<>\n]{0,80}"
    rf"|<\|start\|>[^<]{{0,100}}{_BEGUN}|(?:<\|start\|>[^<]{{0,100}})?<\|channel\|?>[^<]{{0,100}}{_BEGUN}"
    rf"|(?:<\|start\|>[^<]{{0,100}})?<\|channel\|>[^<]{{0,100}}<\|constrain\|>[^<]{{0,40}}{_BEGUN}"
    r"|\[/?[A-Z_]{0,12}|◁/?\w{0,8}"
)

# Models whose templates put the opening mark into the prompt, so that the closing one comes alone.
CLOSES_ALONE = _mark(r"deepseek-r1|\br1\b|qwq|thinking|reason|exaone-deep|minimax-m|\bring-|nemotron|step-?3")

# How thinking aloud begins; no answer to a person does, or hardly.
ALOUD = (
    *("okay, so", "ok, so", "okay, the user", "ok, the user", "okay, let", "ok, let", "okay, i need", "alright,"),
    *("the user ", "user ", "we need to", "we have to", "we should", "we are asked", "we're asked", "we are given"),
    *("let me", "let's think", "let's see", "let us", "hmm", "so the user", "so, the user", "so i need", "first, i"),
    *(
        "i need to",
        "i should",
        "i have to",
        "i'm asked",
        "i am asked",
        "the question",
        "the task",
    ),
    *("thinking process", "thought:", "reasoning:", "thinking:", "wait, ", "got it, let", "now, the user", "they ask"),
    *("they want", "they are asking", "the person", "the human", "the assistant", "analyze", "my task", "the request"),
)
