// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "daemon/config/config.h"
#include "daemon/config/keys.h"

namespace dlog::daemon {
namespace {

constexpr char kHead[] =
    R"(# Configuration of dlogd

<!-- Made by `dlogd --config-reference` from the table in keys.cc; a test compares the two. -->

One YAML file, named by `--config FILE`. An environment variable overrides the file, a flag overrides both. A key that is
not in this page is an error, told with its line. `dlogd --check-config --config FILE` checks a file and ends; SIGHUP makes a
running dlogd read its file again: a file with an error changes nothing, and no logpoint is lost in any case.

| key | type | default | new value taken over by | meaning |
|---|---|---|---|---|
)";

constexpr char kSinks[] =
    R"(| `sinks` | list | none | reload | where events go beside live streams, each a map with the keys below |

The variable of a key is `DLOGD_` and its name in capitals with `_`: `DLOGD_LIMITS_MAX_LOGPOINTS`; `DLOGD_SINKS` holds texts of
`--sink`, separated by spaces. Durations are written `10m` or `1h30m`, sizes `64MiB`.

## Sinks

`--sink KIND[:ADDRESS][,KEY=VALUE]...` says the same on the command line: what follows the kind is the `format` of stdout, the
`path` of a file, the `address` of the others. For example `--sink file:/var/log/dlog.json,rotate-size=10MiB`. Sinks on the command
line replace those of the file. What each sink promises is in [daemon/sink](../sink/README.md).

| key | type | default | kinds | meaning |
|---|---|---|---|---|
)";

constexpr char kExample[] =
    R"(
## Example

```yaml
metrics: 0.0.0.0:9464
limits:
  max-logpoints: 200
sinks:
  - kind: file
    path: /var/log/dlog/events.json
    rotate-size: 64MiB
    keep: 3
  - kind: journald
```
)";

template <typename T>
std::string Rows(std::span<const ConfigKey<T>> keys) {
  std::string out;
  for (const auto& key : keys) {
    const std::string standard = *key.standard == '\0' ? "none" : fmt::format("`{}`", key.standard);
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", key.name, key.type, standard, key.applies, key.help);
  }
  return out;
}

}  // namespace

std::string ConfigReference() { return kHead + Rows(TopKeys()) + kSinks + Rows(SinkKeys()) + kExample; }

}  // namespace dlog::daemon
