# What the commands of a page run with: the real programs, and `spanledger up` beside them instead of in a terminal of its own.

end_up() {
  if [[ -n ${up_process:-} ]]; then
    kill "$up_process"
    wait "$up_process"
    unset up_process
  fi
}
trap '[[ -z ${up_process:-} ]] || kill -KILL "$up_process"' EXIT # its page is over, so nobody waits for its last work

start_up() {
  end_up
  local ready
  exec {answers}< <(exec spanledger up "$@")
  up_process=$!
  read -r -u "$answers" ready
  [[ $ready == '{"ready": true,'* ]]
}

spanledger() {
  case $1 in
    up) start_up "${@:2}" ;;
    report | top | alerts) # a page says once that the ledger has to run
      [[ -n ${up_process:-} ]] || start_up
      SPANLEDGER_API_URL=http://127.0.0.1:8000 command spanledger "$@"
      ;;
    reprice) # with a price that is not the one of the records
      end_up
      SPANLEDGER_PRICES=prices.toml command spanledger "$@"
      ;;
    reconcile | prices | migrate | export) # an embedded ledger belongs to one process
      end_up
      command spanledger "$@"
      ;;
    *) command spanledger "$@" ;;
  esac
}

curl() {
  command curl --silent --show-error --fail-with-body "$@"
}

# Before a release there is nothing to install from a registry: what is asked for has to be what this tree would publish.
pip() {
  [[ $1 == install ]]
  python - "${@:2}" <<'PYTHON'
import re, sys
from importlib.metadata import metadata
for asked in sys.argv[1:]:
    name, extras = re.fullmatch(r"([\w-]+)(?:\[([\w,]+)\])?", asked).groups()
    missing = set(extras.split(",") if extras else ()) - set(metadata(name).get_all("Provides-Extra"))
    assert not missing, missing
PYTHON
}

# The id of an alert about a call that cost 2.5 USD.
raised_alert() {
  local found
  curl "http://127.0.0.1:4318/v1/traces" --header 'Content-Type: application/json' --data-binary @dear_call.json > /dev/null
  until found=$(curl "http://127.0.0.1:8000/api/alerts?status=open" | grep -Eo '"alert_id": ?"[^"]+"' | grep -Eo '[0-9a-f-]{36}'); do
    sleep 0.1
  done
  echo "$found"
}
