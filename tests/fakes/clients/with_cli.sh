# A script that knows nothing of us: for every line on stdin one command of the AWS CLI $1, and a line of how it
# went. CLIs before 2.13 do not know AWS_ENDPOINT_URL, so the endpoint is named.
while read -r _; do
  if said="$("$1" --endpoint-url "$AWS_ENDPOINT_URL" --query Arn --output text sts get-caller-identity 2>&1)"; then
    echo ok $said
  else
    echo refused $said
  fi
done
