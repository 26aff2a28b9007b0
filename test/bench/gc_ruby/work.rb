# A workload that makes garbage, for ./run.
#
#   work.rb SHAPE OBJECTS PAYLOAD LIVE SECONDS
#
# SHAPE    chain  rings of OBJECTS objects that hold PAYLOAD bytes each
#          tree   binary trees of OBJECTS nodes, the payload in the leaves
#          old    rings that are kept until 64 newer ones have come, so that
#                 they die old
#          hidden rings whose payload no counter of Ruby's sees, like that of
#                 a C library's own
# LIVE     objects, each with its payload, that are kept all the while
#
# Prints a line of JSON.
require "json"

Node = Struct.new(:next, :payload)
HIDDEN = ARGV[0] == "hidden"
if HIDDEN
  require "fiddle"
  C = Fiddle::Handle::DEFAULT # the shim's malloc, not libc's own
  MALLOC = Fiddle::Function.new(C["malloc"], [Fiddle::TYPE_SIZE_T],
                                Fiddle::TYPE_VOIDP)
end

def payload(bytes)
  return nil if bytes.zero?
  return "x" * bytes unless HIDDEN
  Fiddle::Pointer.new(MALLOC.call(bytes).to_i, bytes, C["free"])
                 .tap { |p| p[0, bytes] = FILLER }
end

def ring(objects, bytes)
  first = last = Node.new(nil, payload(bytes))
  (objects - 1).times { last = last.next = Node.new(nil, payload(bytes)) }
  last.next = first
end

def tree(objects, bytes)
  return payload(bytes) if objects <= 1
  half = (objects - 1) / 2
  [tree(half, bytes), tree(half, bytes)]
end

def status(name)
  File.foreach("/proc/self/status") do |line|
    return line.split[1].to_i * 1024 if line.start_with?(name)
  end
end

shape, objects, bytes, live, seconds =
  ARGV[0], *ARGV[1, 3].map(&:to_i), ARGV[4].to_f
FILLER = "x" * bytes
kept = Array.new(live) { Node.new(nil, payload(bytes)) }
window = Array.new(64)

# Processor time: others that run meanwhile do not count.
def now = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)

cycles, longest, gaps = 0, 0.0, []
GC.start
start = before = now
while before - start < seconds
  case shape
  when "tree" then tree(objects, bytes)
  when "old" then window[cycles % 64] = ring(objects, bytes)
  else ring(objects, bytes)
  end
  cycles += 1
  after = now
  gaps << (after - before) if gaps.size < 2_000_000
  before = after
end
took = now - start
gaps.sort!
puts({rate: cycles / took, rss: status("VmHWM"), longest: gaps[-1],
      p99: gaps[gaps.size * 99 / 100], gc: GC.count,
      major: GC.stat(:major_gc_count), gc_share: GC.stat(:time) / 1e3 / took,
      live: kept.size}.to_json)
