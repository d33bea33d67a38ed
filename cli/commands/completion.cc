// SPDX-License-Identifier: Apache-2.0
//
// dlogctl completion: a script for the shell, made of the commands and options as they are.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/exit_status.h"
#include "cli/render/output.h"

namespace dlog::cli {
namespace {

std::vector<std::string> OptionsOf(const CLI::App& app) {
  std::vector<std::string> out;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) out.push_back("--" + name);
    for (const std::string& name : option->get_snames()) out.push_back("-" + name);
  }
  return out;
}

std::string BashScript(const CLI::App& app) {
  std::string commands, cases;
  for (const CLI::App* command : app.get_subcommands({})) {
    commands += (commands.empty() ? "" : " ") + command->get_name();
    cases += fmt::format("    {}) words='{}' ;;\n", command->get_name(), fmt::join(OptionsOf(*command), " "));
  }
  return fmt::format(R"(# completion of dlogctl; in ~/.bashrc: source <(dlogctl completion bash)
_dlogctl() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words='{} {}' each
  for each in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$each" in
{}    *) continue ;;
    esac
    break
  done
  case "${{COMP_WORDS[COMP_CWORD-1]}}" in
    -f | -x | --file | --exe | --binary | --debug-file | --plan) COMPREPLY=($(compgen -f -- "$word")) ;;
    -o | --output) COMPREPLY=($(compgen -W 'text json' -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
  esac
}}
complete -o default -F _dlogctl dlogctl
)",
                     commands, fmt::join(OptionsOf(app), " "), cases);
}

std::string FishScript(const CLI::App& app) {
  std::string out = "# completion of dlogctl; in ~/.config/fish/config.fish: dlogctl completion fish | source\n";
  for (const CLI::App* command : app.get_subcommands({})) {
    const std::string name = command->get_name();
    out +=
        fmt::format("complete -c dlogctl -n __fish_use_subcommand -a {} -d \"{}\"\n", name, command->get_description());
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& word : option->get_lnames()) {
        out += fmt::format("complete -c dlogctl -n '__fish_seen_subcommand_from {}' -l {}\n", name, word);
      }
    }
  }
  return out;
}

}  // namespace

void AddCompletionCommand(CLI::App* app, Context* context) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app->add_subcommand("completion", "print a completion script for a shell");
  command->add_option("SHELL", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([app, shell, context] {
    context->run = [app, shell] {
      const std::string zsh = *shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
      WriteOut(*shell == "fish" ? FishScript(*app) : zsh + BashScript(*app));
      return static_cast<int>(kDone);
    };
  });
}

}  // namespace dlog::cli
