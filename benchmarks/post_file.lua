-- For wrk: posts one file again and again, and ends with one line of JSON.
--   wrk … -s post_file.lua URL -- FILE CONTENT-TYPE

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  wrk.headers["Content-Type"] = arguments[2]
  file:close()
end

-- Times are in microseconds; errors.status counts answers above 399.
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"duration_us": %d, "requests": %d, "p50_us": %d, "p99_us": %d, "max_us": %d, '
      .. '"status_errors": %d, "socket_errors": %d, "timeouts": %d}\n',
    summary.duration, summary.requests, latency:percentile(50), latency:percentile(99), latency.max,
    errors.status, errors.connect + errors.read + errors.write, errors.timeout
  ))
end
