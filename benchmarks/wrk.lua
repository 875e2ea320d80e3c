-- Posts the file named by the argument, again and again; the last line of the output is what happened, as JSON.
function init(arguments)
  wrk.method, wrk.body = "POST", assert(io.open(arguments[1], "rb")):read("*a")
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"seconds": %.6f, "requests": %d, "refused": %d, "broken": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
    summary.duration / 1e6, summary.requests, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
