# Sidekiq: bulk enqueue, processes of 10 threads. It stores no result; counting its jobs stands for that.
require "json"
require "sidekiq"

Sidekiq.configure_client { |config| config.redis = { url: ENV.fetch("REDIS_URL") } }
Sidekiq.configure_server { |config| config.redis = { url: ENV.fetch("REDIS_URL") } }
Sidekiq.logger.level = Logger::WARN
# The distribution's Redis client warns of a call of this Sidekiq at every job, which would slow it.
Redis.silence_deprecations = true

def now
  Process.clock_gettime(Process::CLOCK_REALTIME, :float_millisecond)
end

def argument(sent = nil)
  { "sent" => sent, "pad" => ENV.fetch("PAD") }
end

class Noop
  include Sidekiq::Worker

  def perform(data)
    delay = now - data["sent"] if data["sent"]
    Sidekiq.redis do |redis|
      redis.rpush("pickups", delay) if delay
      redis.incr("done")
    end
  end
end

def enqueue(count)
  begin_ms = now
  (1..count).each_slice(500) do |slice|
    Sidekiq::Client.push_bulk("class" => Noop, "args" => slice.map { [argument] })
  end
  puts JSON.generate(version: Sidekiq::VERSION, enqueue_per_s: count / (now - begin_ms) * 1e3)
end

def trickle(count)
  count.times do
    Noop.perform_async(argument(now))
    sleep 0.005
  end
end

# Not when Sidekiq loads this file to know its jobs.
if __FILE__ == $PROGRAM_NAME
  case ARGV
  in ["enqueue", count] then enqueue(count.to_i)
  in ["trickle", count] then trickle(count.to_i)
  in ["work"] then exec("sidekiq", "-c", "10", "-r", File.expand_path(__FILE__))
  end
end
