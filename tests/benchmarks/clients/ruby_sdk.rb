# The official SDK for Ruby, from a clone at PLIVO_RUBY; only its address is changed.

require 'json'
require 'faraday'
begin
  # Faraday before 2.0 has its JSON middleware there.
  require 'faraday_middleware'
rescue LoadError
  nil
end
$LOAD_PATH.unshift("#{ENV.fetch('PLIVO_RUBY')}/lib")
require 'plivo'

url, auth_id, token, action, *arguments = ARGV
%i[PLIVO_API_URL API_VOICE API_VOICE_FALLBACK_1 API_VOICE_FALLBACK_2].each do |name|
  Plivo::Base.send(:remove_const, name)
  Plivo::Base.const_set(name, url)
end

client = Plivo::RestClient.new(auth_id, token)
result = { records: 0, ids: [], errors: [], amount: nil }
started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
if action == 'list'
  begin
    client.calls.each { |call| result[:ids] << call.call_uuid }
  rescue StandardError => error
    result[:errors] << error.class.name
  end
  result[:records] = result[:ids].length
else
  count, *ids = arguments
  count.to_i.times do |number|
    call = client.calls.get(ids[number % ids.length])
    if call.id.nil?
      result[:errors] << 'no error; a call without a call UUID'
    else
      result[:records] += 1
      result[:amount] = call.total_amount.inspect
    end
  rescue StandardError => error
    result[:errors] << error.class.name
  end
end
result[:seconds] = Process.clock_gettime(Process::CLOCK_MONOTONIC) - started
puts JSON.generate(result)
