"""Refusals as servers word them, sorted into our kinds: each row is what one of them says, or must not be taken for."""

import pytest

from bot.errors import (
    KeyRefused,
    ModelBusy,
    ModelDown,
    ModelError,
    ModelRefused,
    ModelUnknown,
    NoCredit,
    PromptTooLong,
    RequestRefused,
)
from bot.models.remote.refusals import IN_STREAM, Refusal, fewer_tokens, kind, subject

# Who says it, with which status and code, and how.
TOO_LONG = [
    ("OpenAI", 400, "context_length_exceeded", "Your input exceeds the context window of this model."),
    ("OpenAI, older", 400, "", "This model's maximum context length is 4096 tokens. However, you requested 5000."),
    ("OpenAI, a text", 400, "", "string too long. Expected a string with maximum length 1048576, but got 1200000."),
    ("OpenAI, above the rate", 429, "rate_limit_exceeded", "Request too large for gpt-4o on tokens per min (TPM): Limit"
     " 10000, Requested 13000. The input or output tokens must be reduced in order to run successfully."),
    ("Anthropic", 400, "", "prompt is too long: 200001 tokens > 200000 maximum"),
    ("Anthropic, with the answer", 400, "", "input length and `max_tokens` exceed context limit: 190000 + 20000 > 2"),
    ("Anthropic, bytes", 413, "request_too_large", "Request exceeds the maximum size"),
    ("xAI", 400, "", "This model's maximum prompt length is 131072 but the request contains 537812 tokens."),
    ("Kimi", 400, "invalid_request_error", "Invalid request: Your request exceeded model token limit: 8192"),
    ("GLM", 400, "1261", "Prompt exceeds max length"),
    ("GLM, without its code", 400, "", "Prompt exceeds max length"),
    ("GLM, in Chinese", 400, "", "Prompt 超长"),
    ("DashScope", 400, "invalid_parameter_error", "Range of input length should be [1, 30720]"),
    ("TGI", 422, "", "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs`"
     " tokens and 20 `max_new_tokens`"),
    ("TGI, the prompt alone", 422, "", "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000"),
    ("Cohere", 400, "", "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000."),
    ("Bedrock", 400, "", "Input is too long for requested model."),
    ("Gemini", 400, "", "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."),
    ("Groq", 400, "", "Please reduce the length of the messages or completion."),
    ("Groq, above the rate", 413, "rate_limit_exceeded", "Request too large for model `llama-3.1-8b-instant` on tokens"
     " per minute (TPM): Limit 6000, Requested 8123, please reduce your message size and try again."),
    ("llama.cpp", 400, "exceed_context_size_error", "the request exceeds the available context size, try increasing"),
    ("llama.cpp, as 500", 500, "", "the request exceeds the available context size"),
    ("Ollama", 500, "", "prompt too long; exceeded max context length by 1200 tokens"),
    ("Ollama, embedding", 400, "", "the input length exceeds the context length"),
    ("LM Studio", 400, "", "Trying to keep the first 5000 tokens when context the overflows."),
    ("vLLM", 400, "", "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in"
     " the messages, 1000 in the completion)."),
    ("SGLang", 400, "", "The input (9000 tokens) is longer than the model's context length (8192 tokens)."),
    ("Mistral", 400, "", "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum"),
    ("Fireworks", 400, "", "The prompt is too long: 9000, model maximum context length: 8191"),
    ("MiniMax", 400, "", "invalid params, context window exceeds limit (2013)"),
    ("GitHub Models", 413, "tokens_limit_reached", "Request body too large for gpt-4o model. Max size: 8000 tokens."),
    ("OpenRouter, passed on", 400, "", 'Provider returned error {"error":{"message":"Prompt exceeds max length"}}'),
    ("inside an answer", IN_STREAM, "", "This endpoint's maximum context length is 10 tokens."),
    ("two numbers", 400, "", "The limit of this deployment is 8192 tokens; 9011 were sent."),
    ("two numbers, with commas", 400, "", "At most 32,768 tokens are allowed, the messages have 40,100."),
    ("two numbers, compared", 400, "", "tokenized messages: 9011 > 8192"),
    ("somebody's gateway", 500, "", "number of tokens 9011 exceeds the limit"),
    ("two numbers, the limit last", 400, "", "Your prompt has 9011 tokens. The maximum is 8192."),
    ("two numbers, only", 400, "", "This request has 9000 input tokens, but the model supports only 8192"),
    ("vLLM, its decoder", 400, "", "The decoder prompt (length 9011) is longer than the maximum model length of 8192."),
    ("in few words", 400, "", "Token limit exceeded"),
    ("in few words, as 500", 500, "", "message exceeds the token limit"),
    ("a proxy", 413, "", "Request Entity Too Large"),
]  # fmt: skip
OTHERWISE: list[tuple[str, int, str, str, type[ModelError]]] = [
    ("tokens a minute", 429, "rate_limit_exceeded", "Rate limit reached for gpt-4 on tokens per min (TPM): Limit 10000,"
     " Used 9000, Requested 2000. Please try again in 6s.", ModelBusy),
    ("tokens a day", 429, "", "Rate limit reached: tokens per day. Limit 500000, used 500100", ModelBusy),
    ("too many requests", 429, "1302", "Too many requests: limit 300, got 400", ModelBusy),
    ("overloaded", 529, "overloaded_error", "Overloaded", ModelBusy),
    ("overloaded, inside", IN_STREAM, "overloaded_error", "Overloaded", ModelBusy),
    ("a server's own fault", 500, "", "Internal server error", ModelBusy),
    ("a server's own fault, at length", 500, "server_error", "The server had an error. Sorry about that! Try again.",
     ModelBusy),
    ("a gateway", 502, "", "invalid response received from the upstream server", ModelBusy),
    ("a gateway, as 500", 500, "", "invalid response received from the upstream server", ModelBusy),
    ("waking up", 503, "unavailable_error", "Loading model", ModelBusy),
    ("a full card", 500, "", "CUDA out of memory. Tried to allocate 2048 MiB, must be freed", ModelBusy),
    ("a pause", 408, "", "Your request timed out", ModelDown),
    ("broken off", IN_STREAM, "server_error", "The provider went away", ModelDown),
    # What the request did wrong, whatever the status.
    ("Qwen in llama.cpp", 500, "server_error", "Value is not callable: System message must be at the beginning. at row"
     " 12, column 5 of the template", RequestRefused),
    ("Qwen in llama.cpp, newer", 500, "", "Unable to generate parser for this template. Automatic parser generation"
     " failed", RequestRefused),
    ("Gemma in vLLM", 400, "", "Conversation roles must alternate user/assistant/user/assistant/...", RequestRefused),
    ("Gemma without a system role", 500, "", "Jinja Exception: System role not supported", RequestRefused),
    ("Ollama's tools", 400, "", "registry.ollama.ai/library/gemma:2b does not support tools", RequestRefused),
    ("OpenRouter's tools", 404, "", "No endpoints found that support tool use.", RequestRefused),
    ("OpenRouter's pictures", 404, "", "No endpoints found that support image input", RequestRefused),
    ("llama.cpp's pictures", 500, "", "image input is not supported - hint: you need the mmproj", RequestRefused),
    ("llama.cpp's tools", 500, "", "tools param requires --jinja flag", RequestRefused),
    ("a parameter", 400, "unsupported_parameter", "Unsupported parameter: 'max_tokens' is not supported with this"
     " model. Use 'max_completion_tokens' instead.", RequestRefused),
    ("a parameter, FastAPI", 422, "", "Extra inputs are not permitted: stream_options", RequestRefused),
    ("a parameter, as 500", 500, "", "got an unexpected keyword argument 'stream_options'", RequestRefused),
    ("the length of the answer", 400, "", "max_tokens must be less than or equal to 8192, got 100000", RequestRefused),
    ("the length of the answer, OpenAI", 400, "invalid_value", "max_tokens is too large: 100000. This model supports at"
     " most 16384 completion tokens, whereas you provided 100000.", RequestRefused),
    ("many tools", 400, "array_above_max_length", "array too long. Expected at most 128, but got an array with length"
     " 200", RequestRefused),
    ("a long name", 400, "", "string too long. Expected a string with maximum length 64, but got one with length 70",
     RequestRefused),
    ("inside an answer, about the request", IN_STREAM, "invalid_request_error", "no", RequestRefused),
    ("no reason at all", 400, "", "Bad Request", RequestRefused),
    ("no such door", 405, "", "Method Not Allowed", RequestRefused),
    # What is asked is against the rules.
    ("OpenRouter's moderation", 403, "", "Your input was flagged", ModelRefused),
    ("Azure's filter", 400, "content_filter", "The response was filtered due to the prompt triggering Azure OpenAI's"
     " content management policy.", ModelRefused),
    ("OpenAI's rules", 400, "invalid_prompt", "Your prompt was flagged as potentially violating our usage policy.",
     ModelRefused),
    ("DashScope's", 400, "data_inspection_failed", "Input data may contain inappropriate content.", ModelRefused),
    ("GLM's", 400, "1301", "系统检测到输入或生成内容可能包含不安全或敏感内容", ModelRefused),
    # No such model.
    ("OpenAI's model", 404, "model_not_found", "The model `gpt-9` does not exist or you do not have access to it.",
     ModelUnknown),
    ("OpenAI's model for a project", 403, "model_not_found", "Project does not have access to model", ModelUnknown),
    ("OpenRouter's model", 400, "", "anthropic/claude-9 is not a valid model ID", ModelUnknown),
    ("Ollama's model", 404, "not_found_error", 'model "llama9" not found, try pulling it first', ModelUnknown),
    ("Groq's model", 400, "model_decommissioned", "The model has been decommissioned", ModelUnknown),
    ("a gateway's model", 503, "model_not_found", "no available channel", ModelUnknown),
    ("GLM's model", 400, "1211", "模型不存在", ModelUnknown),
    ("no such address", 404, "", "Not Found", ModelUnknown),
    # Money.
    ("OpenRouter's credits", 402, "", "Insufficient credits. Add more using https://openrouter.ai/credits", NoCredit),
    ("OpenRouter's maximum", 402, "", "This request requires more credits, or fewer max_tokens. You requested up to"
     " 65536 tokens, but can only afford 4000.", NoCredit),
    ("OpenAI's quota", 429, "insufficient_quota", "You exceeded your current quota", NoCredit),
    ("Anthropic's balance", 400, "", "Your credit balance is too low to access the Anthropic API.", NoCredit),
    ("DeepSeek's balance", 402, "", "Insufficient Balance", NoCredit),
    ("Kimi's balance", 429, "exceeded_current_quota_error", "Your account is suspended", NoCredit),
    ("money inside an answer", 402, "", "Insufficient credits", NoCredit),
    # The key.
    ("OpenAI's key", 401, "invalid_api_key", "Incorrect API key provided", KeyRefused),
    ("Gemini's key", 400, "", "API key not valid. Please pass a valid API key.", KeyRefused),
    ("a permission", 403, "", "You have insufficient permissions for this operation", KeyRefused),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "message"), [row[1:] for row in TOO_LONG], ids=[row[0] for row in TOO_LONG])
def test_a_prompt_that_is_too_long_is_known_in_any_words(status: int, code: str, message: str) -> None:
    assert kind(Refusal(status, code, message)) is PromptTooLong


@pytest.mark.parametrize(
    ("status", "code", "message", "found"), [row[1:] for row in OTHERWISE], ids=[row[0] for row in OTHERWISE]
)
def test_each_refusal_has_its_kind(status: int, code: str, message: str, found: type[ModelError]) -> None:
    assert kind(Refusal(status, code, message)) is found


def test_what_a_moderation_flags_is_no_matter_of_the_key() -> None:
    assert kind(Refusal(403, "", "no", flagged=True)) is ModelRefused


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        ("You requested up to 65536 tokens, but can only afford 4000. To increase, visit ...", 4000),
        ("You requested up to 65,536 tokens, but can only afford 4,000.", 4000),
        ("max_tokens is too large: 100000. This model supports at most 16384 completion tokens", 16384),
        ("max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens", 8192),
        ("`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less", 8192),
        ("Range of max_tokens should be [1, 8192]", 8192),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (3000 in the"
            " messages, 2000 in the completion).",
            1096,
        ),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the"
            " messages, 1000 in the completion).",
            None,
        ),
        (
            "'max_tokens' is too large: 5000. This model's maximum context length is 4096 tokens and your request has"
            " 100 input tokens (5000 > 4096 - 100).",
            3996,
        ),
        ("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", 10000),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3000 `inputs` tokens and 2000", 1096),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 20", None),
        ("Insufficient credits", None),
        ("maximum context length is 4096 tokens", None),
    ],
)
def test_how_long_an_answer_may_be_is_read_from_a_refusal(message: str, tokens: int | None) -> None:
    assert fewer_tokens(Refusal(402, "", message)) == tokens


@pytest.mark.parametrize(
    ("message", "about"),
    [
        ("System message must be at the beginning of the template", "the order of the messages"),
        ("does not support tools", "tools"),
        ("image input is not supported", "pictures"),
        ("This response_format type is unavailable now", "the form of the answer"),
        ("Unsupported parameter: 'max_tokens'", "the length of the answer"),
        ("Unrecognized request argument", "a parameter"),
        ("no", ""),
    ],
)
def test_the_operator_reads_what_a_refusal_is_about(message: str, about: str) -> None:
    assert subject(message) == about
