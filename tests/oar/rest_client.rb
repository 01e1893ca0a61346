# The usage examples of OAR's document, by the client that it recommends.
#
#   ruby rest_client.rb URL USER PASSWORD DIRECTORY
#
# Prints one JSON object a line: {"step": ..., "status": ..., "headers": {...}, "body": ...}.
require 'json'
require 'yaml'
require 'rest-client'

api = RestClient::Resource.new(ARGV[0], :user => ARGV[1], :password => ARGV[2])
directory = ARGV[3]

tell = lambda do |step, answer, body|
  puts JSON.generate('step' => step, 'status' => answer.code, 'headers' => answer.headers, 'body' => body)
  body
end
get = lambda do |path, headers = {}, step = "GET #{path} #{headers}"|
  answer = api[path].get(headers)
  body = answer.headers[:content_type] =~ /yaml/ ? YAML.load(answer.body) : JSON.parse(answer.body)
  tell.call(step, answer, body)
end
post = lambda do |step, path, payload, headers|
  answer = api[path].post(payload, headers)
  body = answer.headers[:content_type] =~ /yaml/ ? YAML.load(answer.body) : JSON.parse(answer.body)
  tell.call(step, answer, body)
end
wait_for = lambda do |id, *states|
  deadline = Time.now + 20
  loop do
    job = JSON.parse(api["/jobs/#{id}.json"].get.body)
    return job if states.include?(job['state'])
    abort("job #{id} is #{job['state']}, not #{states}") if Time.now > deadline
    sleep 0.05
  end
end

# Getting resources infos
get.call('/resources.json')
get.call('/resources.yaml')
get.call('/resources', :accept => 'text/yaml')
get.call('/resources.json?structure=oar')
get.call('/resources.json?structure=simple')
get.call('/jobs.yaml')

# Submitting a job using ruby rest client
j = { 'resource' => '/nodes=2/cpu=1', 'command' => '/usr/bin/id', 'workdir' => directory }
job = post.call('submit a command', '/jobs', j.to_json, :content_type => 'application/json')
wait_for.call(job['id'], 'Terminated')

# Submitting a job with a provided inline script
script = "#!/bin/bash
echo \"Hello world\"
whoami
sleep 300
"
j = { 'resource' => '/nodes=2/cpu=1', 'script' => script, 'workdir' => directory }
job = post.call('submit a script', '/jobs', j.to_json, :content_type => 'application/json')
wait_for.call(job['id'], 'Running')
get.call("/jobs/#{job['id']}.yaml", {}, 'running')
get.call("/jobs/#{job['id']}/resources.yaml", {}, 'its resources')

# Deleting a job in the ruby rest client
post.call('delete by POST', "/jobs/#{job['id']}.yaml", '{"method":"delete"}', :content_type => 'application/json')
wait_for.call(job['id'], 'Error')
j = { 'resource' => '/nodes=1', 'command' => 'sleep 300', 'workdir' => directory, 'hold' => '1' }
held = post.call('submit on hold', '/jobs', j.to_json, :content_type => 'application/json')
answer = api["/jobs/#{held['id']}.yaml"].delete
tell.call('delete', answer, YAML.load(answer.body))

# Function to get objects from the api, with error catching
begin
  api['/jobs/999999999'].get(:accept => 'application/json')
rescue => e
  puts JSON.generate('step' => 'error', 'status' => e.http_code, 'headers' => {}, 'body' => JSON.parse(e.response.body))
end

# Adding a new resource with the ruby rest client (oar user only)
oar = RestClient::Resource.new(ARGV[0], :user => 'oar', :password => ARGV[2])
r = { 'hostname' => 'test2', 'properties' => { 'besteffort' => 'NO', 'cpu' => '10' } }
answer = oar['/resources'].post(r.to_json, :content_type => 'application/json')
id = tell.call('add resource', answer, JSON.parse(answer.body))['id']
oar["/resources/#{id}/state"].post('{"state":"Dead"}', :content_type => 'application/json')
# Deleting a resource with the ruby rest client
answer = oar["/resources/#{id}.yaml"].delete
tell.call('delete resource', answer, YAML.load(answer.body))
