package stages

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
)

// checked returns the index of the command's item that is refused for a script's content, or -1 if none is refused.
func checked(t *testing.T, command []string) (item int) {
	t.Helper()
	cfg := execDefaults
	cfg.Command = config.NewCommand(command...)
	problems := cfg.Check()
	if len(problems) == 0 {
		return -1
	}
	require.Len(t, problems, 1, "%q", command)
	require.NotEmpty(t, problems[0].Hint, "%q", command)
	for i := range command {
		if problems[0].Path == config.Join("command", strconv.Itoa(i)) {
			return i
		}
	}
	require.Fail(t, "the problem is of no item", "%v", problems[0])
	return -1
}

// commandOf splits a command at spaces; _ stands for a space.
func commandOf(line string) []string {
	words := strings.Fields(line)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "_", " ")
	}
	return words
}

func TestAPlaceholderInAScriptIsRefused(t *testing.T) {
	for line, item := range map[string]int{
		"sh -c echo_{stream}": 2, "/bin/bash -c {file}": 2, "dash -ec x{id}": 2, "zsh -lc {stream}": 2, "ksh93 -c {stream}": 2, "fish --command={stream}": 1,
		"bash -o pipefail -c echo_{stream}": 4, "bash -eo pipefail -c {stream}": 4, "bash -co pipefail {stream}": 3, "bash -c -e {stream} a": 3, "bash --rcfile x -c {stream}": 4,
		"bash -c -- {stream}": 3, "sh {path}": 1, "sh -e {path}": 2, "/bin/sh.distrib -c {stream}": 2, "bash-5.2 -c {stream}": 2, "busybox.static sh -c {stream}": 3,
		"busybox sh -c echo_{stream}": 3, "env sh -c {stream}": 3, "env -i A=1 bash -c {stream}": 5, "/usr/bin/env -S sh_-c_'echo_{stream}'": 2, "env -Ssh_-c_{stream}": 1,
		"env --split-string=sh_-c_{stream}": 1, "env -u X -S bash_-c {stream}": 5, "env -vS sh_-c_\"x\" a {stream} ": -1, "sudo env -S sh_-c {stream}": 4,
		"env -S A=1_env -S sh_-c_'ls_{path}'": 4, "env -SA=1_env -Ssh_-c_{path}": 2, "env -S env_-S_'sh_-c_\"ls_{path}\"'": 2, "env -S -S sh_-c_{path}": 3, "env -S": -1,
		"sudo -u x sh -c {stream}": 5, "doas sh -c {stream}": 3, "nice -n 5 ionice bash -c {stream}": 6, "timeout 10 sh -c {stream}": 4, "xargs -0 sh -c {stream}": 4,
		"find . -exec sh -c x_{path} ;": 5, "docker exec c sh -c {stream}": 5, "unknown-runner sh -c {stream}": 3, "unknown python3 -c {stream}": 3,
		"ssh host echo {stream}": 3, "ssh -p 22 host x_{stream}": 4, "ssh {stream}": 1, "sudo ssh host {stream}": 3, "su x -c {stream}": 3, "su - x --command={stream}": 3,
		"python -c print('{stream}')": 2, "python3.12 -uc {stream}": 2, "/usr/bin/python3 {path}": 1, "pypy3 -W x -c {stream}": 4,
		"perl -e print_'{stream}'": 2, "perl -e'{stream}'": 1, "perl -lane {stream}": 2, "perl -e 1 -e {stream}": 4, "perl -i.bak -pe {stream}": 3, "ruby -e {stream}": 2,
		"node -e {stream}": 2, "node --eval={stream}": 1, "node --eval {stream}": 2, "node -p {stream}": 2, "php -r {stream}": 2, "lua5.4 -e {stream}": 2, "Rscript -e {stream}": 2,
		"awk {stream}": 1, "gawk -v a=1 {stream}": 3, "sed s/a/{stream}/ x": 1, "sed -i -e s/a/{stream}/ x": 3, "sed -n -f {path}": 3, "tclsh {path}": 1,
		"psql db -c select_'{stream}'": 3, "mysql -e {stream}": 2, "sqlite3 a.db {stream}": 2, "make FILE={path}": 1, "parallel echo ::: {stream}": 3, "watch ls_{path}": 1,
		"flock /lock -c x_{stream}": 3, "flock /lock sh -c {stream}": 4, "{stream} a": 0, "/usr/bin/{file}": 0, "sh -{reason} x": 1,
		"pwsh -Command {stream}": 2, "vim a -c {stream}": 3, "emacs --batch --eval {stream}": 3,
	} {
		require.Equal(t, item, checked(t, commandOf(line)), line)
	}
}

func TestAPlaceholderBesideAScriptIsTaken(t *testing.T) {
	for _, line := range []string{
		"/usr/local/bin/done {path} {stream}", "upload --file={path} --title={stream} x{id}", "sh -c echo_\"$1\" sh {stream}", "sh -c echo_\"$0\" {stream}", "/bin/bash -ec x a {path} -c {stream}",
		"bash -o pipefail -c x sh {stream}", "bash -c -- x sh {stream}", "sh /opt/done.sh {path}", "sh -e /opt/done.sh -c {path}", "env A={stream} /opt/done {path}", "env -i sh -c x sh {stream}",
		"/usr/bin/env -S sh_-c_'echo_\"$1\"'_sh {stream}", "env -S /opt/done_--now {path}", "sudo -u x sh -c x sh {stream}", "sudo /opt/done {path}", "nice /opt/done {path}", "xargs -a {path} sh -c x",
		"python3 -c x {path}", "python3 -m uploader {path}", "python3 /opt/done.py {path}", "perl -e x {path}", "perl -pe x {path}", "perl /opt/done.pl {path}", "node -e x {path}", "node /opt/x.js {path}",
		"awk -v name={stream} x /file", "awk -vname={stream} x", "awk -f /opt/x.awk {path}", "sed -i s/a/b/ {path}", "psql -d x -v name={stream} -f /opt/x.sql", "flock /lock /opt/done {path}",
		"su x -s /bin/sh -c x sh {stream}", "ffmpeg -i {path} -c copy out.mkv", "rclone copy {path} remote:", "/opt/done sh {stream}", "/opt/done ssh {stream}", "docker exec c /opt/done {path}",
	} {
		require.Equal(t, -1, checked(t, commandOf(line)), line)
	}
}

// The hint names the variable that replaces the placeholder.
func TestTheHintNamesTheVariable(t *testing.T) {
	cfg := execDefaults
	cfg.Command = config.NewCommand("sh", "-c", "echo {stream}")
	problems := cfg.Check()
	require.ErrorContains(t, problems.Err(), "{stream} stands where sh reads a script")
	require.Contains(t, problems[0].Hint, `"$SPOOL_STREAM"`)
	require.Contains(t, problems[0].Hint, `sh, "{stream}"]`)
	var there, wanted []string
	for name, variable := range config.CommandVariables {
		there = append(there, name)
		require.Equal(t, "SPOOL_"+strings.ToUpper(name), variable)
	}
	wanted = names(execValues)
	slices.Sort(there)
	slices.Sort(wanted)
	require.Equal(t, wanted, there, "each placeholder has its variable")
}
