// Mastra's own Memory and Agent on a database given to them, for tests: a JSON command per line in, a JSON answer per line out.
//
//   {"command": "recall", "args": {"dsn": "postgresql://…", "threadId": "…", "resourceId": "…"}}
//   {"value": {…}, "ms": 12}   or   {"error": {"name": "…", "message": "…", "stack": "…"}, "ms": 12}
//
// It talks to 127.0.0.1 and to unix sockets, and refuses every other connection.
import { registerHooks } from 'node:module'
import net from 'node:net'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

process.env.MASTRA_TELEMETRY_DISABLED = '1'
process.env.MASTRA_AUTO_REFRESH_PROVIDERS = 'false'
process.env.TZ = 'UTC'
for (const name of ['log', 'info', 'debug']) console[name] = console.error // stdout is for answers only
stayHome()
importFrom(process.env.MASTRA_PACKAGES)

const started = performance.now()
const { Agent } = await import('@mastra/core/agent')
const { createTool } = await import('@mastra/core/tools')
const { Memory } = await import('@mastra/memory')
const { PostgresStore } = await import('@mastra/pg')
const { z } = await import('zod')
console.error(`mastra loaded in ${Math.round(performance.now() - started)} ms`)

const MEMORY = { lastMessages: 10, semanticRecall: false, generateTitle: false }
const WORKING_MEMORY = { workingMemory: { enabled: true, scope: 'resource' } }

const weigh = createTool({
  id: 'weigh',
  description: 'How heavy something is, in kilograms.',
  inputSchema: z.object({ what: z.string() }),
  execute: async () => ({ kilograms: 4000 }),
})

const COMMANDS = {
  // Mastra makes its own tables and indexes, as at the start of any Mastra app.
  async init({ store }) {
    await store.init()
    return true
  },

  // The thread and its messages in Mastra's order: the `last` ones, else the first `perPage`, else all.
  async recall({ store, threadId, resourceId, last, perPage = false }) {
    const memory = new Memory({ storage: store, options: MEMORY })
    const thread = await memory.getThreadById({ threadId })
    const found = await memory.recall(
      last === undefined
        ? { threadId, resourceId, perPage, orderBy: { field: 'createdAt', direction: 'ASC' } }
        : { threadId, resourceId, threadConfig: { lastMessages: last }, perPage: last },
    )
    return { thread, messages: found.messages.map(line), total: found.total, hasMore: found.hasMore }
  },

  async threads({ store, resourceId }) {
    const memory = new Memory({ storage: store, options: MEMORY })
    const found = await memory.listThreads({ filter: { resourceId }, perPage: false })
    return found.threads
  },

  async workingMemory({ store, threadId, resourceId }) {
    const memory = new Memory({ storage: store, options: { ...MEMORY, ...WORKING_MEMORY } })
    return await memory.getWorkingMemory({ threadId, resourceId })
  },

  // What Mastra's own tool does when a model rewrites the page.
  async remember({ store, threadId, resourceId, page }) {
    const memory = new Memory({ storage: store, options: { ...MEMORY, ...WORKING_MEMORY } })
    await memory.updateWorkingMemory({ threadId, resourceId, workingMemory: page })
    return true
  },

  // One turn of a Mastra agent with the last 10 messages in mind. `stream` takes the streaming road, `tools` lets it `weigh`.
  async agent({ store, threadId, resourceId, text, baseUrl, key, model, stream = false, tools = false, workingMemory = false }) {
    const memory = new Memory({ storage: store, options: { ...MEMORY, ...(workingMemory ? WORKING_MEMORY : {}) } })
    const agent = new Agent({
      id: 'interop',
      name: 'interop',
      instructions: 'You are a Mastra agent.',
      model: { providerId: 'interop', modelId: model, url: baseUrl, apiKey: key },
      memory,
      tools: tools ? { weigh } : {},
      maxRetries: 0,
    })
    const options = { memory: { thread: threadId, resource: resourceId } }
    if (!stream) return { text: (await agent.generate(text, options)).text }
    const output = await agent.stream(text, options)
    const pieces = []
    for await (const piece of output.textStream) pieces.push(piece)
    if (output.error) throw output.error
    return { text: pieces.join(''), pieces }
  },

  // Messages written by Mastra itself: [{id, role, text, createdAt}].
  async save({ store, threadId, resourceId, messages, title }) {
    const memory = new Memory({ storage: store, options: MEMORY })
    if (!(await memory.getThreadById({ threadId }))) await memory.createThread({ threadId, resourceId, title })
    const saved = await memory.saveMessages({
      messages: messages.map(({ id, role, text, createdAt }) => ({
        id, role, threadId, resourceId, type: 'v2',
        createdAt: new Date(createdAt),
        content: { format: 2, parts: [{ type: 'text', text }] },
      })),
    })
    return saved.messages.map(line)
  },

  async deleteThread({ store, threadId }) {
    await new Memory({ storage: store, options: MEMORY }).deleteThread(threadId)
    return true
  },

  // A copy of a thread, as the Studio makes it; its id. Dates in `options.messageFilter` are ISO strings.
  async clone({ store, sourceThreadId, newThreadId, resourceId, options, workingMemory = false, scope = 'resource' }) {
    const filter = options?.messageFilter
    for (const name of ['startDate', 'endDate']) if (filter?.[name]) filter[name] = new Date(filter[name])
    const page = workingMemory ? { workingMemory: { enabled: true, scope } } : {}
    const memory = new Memory({ storage: store, options: { ...MEMORY, ...page } })
    const { thread } = await memory.cloneThread({ sourceThreadId, newThreadId, resourceId, options })
    return thread.id
  },
}

for await (const request of createInterface({ input: process.stdin })) {
  if (!request.trim()) continue
  const from = performance.now()
  const answer = await run(JSON.parse(request)).then(
    value => ({ value: value ?? null }),
    error => ({ error: { name: error.name, message: error.message, stack: error.stack } }),
  )
  process.stdout.write(JSON.stringify({ ...answer, ms: Math.round(performance.now() - from) }) + '\n')
}
process.exit(0) // Mastra keeps timers that would hold the process

async function run({ command, args }) {
  if (!(command in COMMANDS)) throw new Error(`no command ${command}; there are ${Object.keys(COMMANDS).join(', ')}`)
  const store = new PostgresStore({ id: 'interop', disableInit: args.disableInit ?? false, ...connection(args) })
  try {
    return await COMMANDS[command]({ ...args, store })
  } finally {
    await store.close()
  }
}

function connection({ dsn }) {
  return { connectionString: dsn }
}

function line({ id, role, content, createdAt, threadId, resourceId, type }) {
  const parts = content?.parts ?? []
  const text = parts.filter(part => part.type === 'text').map(part => part.text).join('')
  return { id, role, text, createdAt, threadId, resourceId, type, parts: parts.map(part => part.type), metadata: content?.metadata }
}

// Packages are looked up in `folder`/node_modules, which lives outside the source tree.
function importFrom(folder) {
  const parentURL = pathToFileURL(`${folder}/mastra.mjs`).href
  registerHooks({
    resolve: (name, context, next) =>
      next(name, context.parentURL === import.meta.url ? { ...context, parentURL } : context),
  })
}

function stayHome() {
  const connect = net.Socket.prototype.connect
  net.Socket.prototype.connect = function (...args) {
    const [first] = args.flat(2)
    const { host, path } = typeof first === 'object' ? first : { host: args.flat(2)[1] }
    const home = path || typeof first === 'string' || [undefined, null, 'localhost', '127.0.0.1', '::1'].includes(host)
    if (home) return connect.apply(this, args)
    process.nextTick(() => this.destroy(new Error(`an interop test may not reach ${host}`)))
    return this
  }
}
