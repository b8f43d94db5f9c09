package stages

import (
	"path/filepath"
	"strings"
)

// interpreter describes which arguments a program reads as a script. An option takes its value in
// the same argument, or as the next argument.
type interpreter struct {
	script  string   // letters of the options that take a script or the name of a script file
	long    []string // long options that take a script or the name of a script file
	values  string   // letters of the other options that take a value
	worded  []string // other long options that take a value
	first   bool     // without such an option, the first argument is the script or its file name
	last    bool     // arguments after the script are the script's own
	late    bool     // further options may come between the script option and the script
	permute bool     // options may follow other arguments
	all     bool     // any argument may be script text, as for a shell on another machine
}

var (
	shellLike = interpreter{script: "c", long: []string{"--command", "--init-command"}, values: "oO", worded: []string{"--rcfile", "--init-file"}, first: true, last: true, late: true}
	evalLike  = interpreter{script: "e", long: []string{"--eval", "-eval", "--expr"}, first: true}
	queryLike = interpreter{script: "cef", long: []string{"--command", "--execute", "--file", "--init-command"}, permute: true}
	runAsLike = interpreter{script: "c", long: []string{"--command", "--session-command"}, values: "sgGw", permute: true}
	anyText   = interpreter{all: true}
)

// interpreters holds the interpreters by the name that the function program returns.
var interpreters = map[string]interpreter{
	"sh": shellLike, "bash": shellLike, "rbash": shellLike, "dash": shellLike, "ash": shellLike, "zsh": shellLike, "ksh": shellLike, "mksh": shellLike, "pdksh": shellLike, "oksh": shellLike,
	"lksh": shellLike, "yash": shellLike, "posh": shellLike, "hush": shellLike, "csh": shellLike, "tcsh": shellLike, "fish": shellLike, "rc": shellLike, "elvish": shellLike, "xonsh": shellLike, "nu": shellLike,

	"python": {script: "cm", values: "WX", first: true, last: true}, "pypy": {script: "cm", values: "WX", first: true, last: true},
	"perl": {script: "eEMm", values: "I", first: true}, "ruby": {script: "er", values: "ICEF", first: true},
	"node": {script: "epr", long: []string{"--eval", "--print", "--require", "--import"}, first: true}, "nodejs": {script: "epr", long: []string{"--eval", "--print", "--require", "--import"}, first: true},
	"bun": {script: "ep", long: []string{"--eval", "--print"}, first: true},
	"php": {script: "rBREFf", long: []string{"--run", "--process-begin", "--process-code", "--process-end", "--file", "--process-file"}, values: "cdz", first: true},
	"lua": {script: "el", first: true}, "luajit": {script: "elj", first: true}, "tclsh": evalLike, "wish": evalLike, "expect": {script: "cf", first: true},
	"r": {script: "ef", long: []string{"--file"}}, "rscript": evalLike, "julia": {script: "eEL", long: []string{"--eval", "--print", "--load"}, first: true}, "guile": {script: "cel", first: true},
	"emacs":     {script: "fl", long: []string{"--eval", "-eval", "--execute", "-execute", "--load", "-load", "--script", "-script"}, permute: true},
	"osascript": evalLike, "groovy": evalLike, "scala": evalLike, "elixir": evalLike, "erl": evalLike,
	"awk": {script: "eEf", long: []string{"--source", "--file", "--exec"}, values: "Fv", worded: []string{"--assign", "--field-separator"}, first: true, last: true},
	"sed": {script: "ef", long: []string{"--expression", "--file"}, values: "l", first: true}, "vim": {script: "cS", long: []string{"--cmd"}, permute: true},

	"psql": queryLike, "mysql": queryLike, "mariadb": queryLike, "sqlite": anyText, "duckdb": anyText, "su": runAsLike, "runuser": runAsLike, "flock": runAsLike, "script": runAsLike,
	"ssh": anyText, "slogin": anyText, "rsh": anyText, "mosh": anyText, "dbclient": anyText, "autossh": anyText, "plink": anyText,
	"watch": anyText, "parallel": anyText, "entr": anyText, "at": anyText, "batch": anyText, "tmux": anyText, "screen": anyText, "make": anyText, "gmake": anyText,
	"cmd": anyText, "powershell": anyText, "pwsh": anyText,
}

// runners holds the names of programs that run another program, such as sudo. One of the runner's
// arguments names that program.
var runners = func() map[string]bool {
	known := map[string]bool{}
	for name := range strings.FieldsSeq(`env sudo doas pkexec gosu setpriv capsh su-exec runuser nice ionice chrt taskset nohup setsid timeout time stdbuf unbuffer
		xargs find busybox toybox chroot unshare nsenter ip firejail bwrap docker podman nerdctl kubectl lxc flock strace ltrace systemd-run start-stop-daemon daemonize
		chpst tini dumb-init prlimit cgexec numactl faketime proot fakeroot sshpass cpulimit torsocks proxychains dbus-run-session xvfb-run script`) {
		known[name] = true
	}
	return known
}()

// program returns the name of a program without directory, version and suffix, such as python for
// /usr/bin/python3.12. The result for every awk, such as gawk, is awk.
func program(arg string) string {
	name, _, _ := strings.Cut(strings.ToLower(filepath.Base(arg)), ".")
	name = strings.TrimRight(strings.TrimRight(strings.TrimSuffix(name, "-static"), "0123456789"), "-_")
	if strings.HasSuffix(name, "awk") {
		return "awk"
	}
	return name
}

// option parses an argument that begins with - or +. script reports whether the argument is an
// option that takes a script, and attached whether the script is part of the argument. value
// reports whether the next argument is the value of an option that takes no script.
func (in *interpreter) option(arg string) (script, attached, value bool) {
	name, _, equals := strings.Cut(arg, "=")
	if in.named(in.long, name) {
		return true, equals, false
	}
	if strings.HasPrefix(arg, "--") {
		return false, false, !equals && in.named(in.worded, name)
	}
	for at, letter := range arg[1:] {
		switch {
		case in.late && strings.ContainsRune(in.values, letter): // of a shell: -eo and -oe both take the next argument
			value = true
		case in.late && arg[0] == '-' && strings.ContainsRune(in.script, letter):
			script = true
		case arg[0] == '-' && strings.ContainsRune(in.script, letter):
			return true, at+2 < len(arg), false
		case strings.ContainsRune(in.values, letter):
			return false, false, at+2 == len(arg)
		case letter == '{':
			return true, true, false // a placeholder may stand for any option letter
		}
	}
	return script, false, value
}

// named reports whether name is one of the options, or an abbreviation of one that begins with two
// dashes.
func (in *interpreter) named(options []string, name string) bool {
	for _, option := range options {
		if name == option || len(name) > len("--e") && strings.HasPrefix(option, name) && strings.HasPrefix(name, "--") {
			return true
		}
	}
	return false
}

// scripts returns the indices of the arguments that contain a script or name a script file, and of
// the options before them.
func (in *interpreter) scripts(args []commandWord) (at []int) {
	given, owed, value := false, false, false
	for i, arg := range args {
		isOption := len(arg.text) > 1 && (arg.text[0] == '-' || arg.text[0] == '+')
		switch {
		case in.all:
			at = append(at, i)
		case value:
			value = false
		case owed && (!in.late || !isOption):
			at, given, owed = append(at, i), true, false
			if in.last {
				return at
			}
		case arg.text == "--":
		case isOption:
			script, attached, takes := in.option(arg.text)
			value = takes
			if script {
				at, owed, given = append(at, i), !attached, given || attached
			}
		case in.permute:
		default:
			if in.first && !given {
				at = append(at, i)
			}
			return at
		}
	}
	return at
}
