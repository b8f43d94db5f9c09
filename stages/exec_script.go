package stages

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// A command may contain placeholders for values of the recording, such as the stream's name. In the
// text of a script such a value would be read as code: the name $(rm -r .) would run a command. So
// a placeholder is refused wherever a program reads script text. streampath.Check, which refuses
// such names, is not enough: recordings of earlier versions may have them.

// commandWord is one word of a command. item is the index of the configured argument that contains
// the word.
type commandWord struct {
	text string
	item int
}

// checkScripts reports placeholders in the name of the program and in the text of scripts.
func (c ExecConfig) checkScripts() (problems config.Problems) {
	command := c.Command.Reveal()
	words := make([]commandWord, len(command))
	for i, arg := range command {
		words[i] = commandWord{arg, i}
	}
	if len(words) > 0 && placeholder.MatchString(words[0].text) {
		return config.Problems{config.At("command/0", "a placeholder stands in the name of the program: the publisher of a stream would choose it").
			WithHint(`name the program, as in command: [/usr/local/bin/done, "{path}"]`)}
	}
	refused := map[int]bool{}
	words, split := splitByEnv(words)
	for _, found := range append(split, scriptsIn(words)...) {
		m := placeholder.FindString(found.word.text)
		if m == "" || refused[found.word.item] {
			continue
		}
		refused[found.word.item] = true
		problems = append(problems, config.At(config.Join("command", strconv.Itoa(found.word.item)),
			"%s stands where %s reads a script: the publisher of a stream would write a part of it", m, filepath.Base(found.by)).WithHint("%s", scriptHint(m, found.all)))
	}
	return problems
}

func scriptHint(m string, all bool) string {
	variable := config.CommandVariables[strings.Trim(m, "{}")]
	if all {
		return "name a script of your own as the command: " + variable + " is in its environment"
	}
	return `in a shell's script write "$` + variable + `", with the quotes: it is in the environment; or give ` + m +
		` as an argument behind the script: [/bin/sh, -c, 'echo "$1"', sh, "` + m + `"]`
}

// scriptWord is an argument that a program reads as a script.
type scriptWord struct {
	word commandWord
	by   string // name of the program
	all  bool   // interpreter.all of the program
}

// scriptsIn returns the arguments of a command that a program reads as a script. The first word
// names a program. A later word counts as the name of a program if the words before it are a
// runner, such as sudo, and its arguments. It also counts if a later argument is an option with
// which this program takes a script.
func scriptsIn(words []commandWord) (found []scriptWord) {
	runs := false // the words so far are a runner and its arguments: this word may name the program to run
	for i, w := range words {
		in, known := interpreters[program(w.text)]
		if i == 0 {
			runs = runners[program(w.text)]
		} else if known && !runs && (in.all || !in.givenIn(words[i+1:])) {
			continue
		}
		if !known {
			continue
		}
		runs = runs && runners[program(w.text)] // the words after a program that is no runner are its arguments
		for _, at := range in.scripts(words[i+1:]) {
			found = append(found, scriptWord{words[i+1+at], w.text, in.all})
		}
	}
	return found
}

// givenIn reports whether one of args is an option that takes a script.
func (in *interpreter) givenIn(args []commandWord) bool {
	for _, arg := range args {
		if len(arg.text) > 1 && arg.text[0] == '-' {
			if script, _, _ := in.option(arg.text); script {
				return true
			}
		}
	}
	return false
}

// envOptions describes the options of env that take a value, except -S.
var envOptions = interpreter{values: "uC", worded: []string{"--unset", "--chdir"}}

// splitByEnv returns the words of a command as env -S runs it. Each env -S splits one argument, its text, into words:
// as has these words in place of the option and its text. A word of a text may be an env -S again. split holds the
// texts. Without env -S, splitByEnv returns words and nil.
func splitByEnv(words []commandWord) (as []commandWord, split []scriptWord) {
	for {
		begin, end, text, found := firstSplit(words)
		if !found {
			return words, split
		}
		item := words[end-1].item
		as = append([]commandWord(nil), words[:begin]...)
		for _, part := range splitQuoted(text) {
			as = append(as, commandWord{part, item})
		}
		words = append(as, words[end:]...)
		split = append(split, scriptWord{commandWord{text, item}, "env -S", true})
	}
}

// firstSplit finds the first option -S of an env: it is in the words from begin to before end, with its text.
func firstSplit(words []commandWord) (begin, end int, text string, found bool) {
	for i, w := range words {
		if program(w.text) != "env" {
			continue
		}
		for at := i + 1; at < len(words) && strings.HasPrefix(words[at].text, "-"); at++ {
			text, splits := envSplit(words[at].text)
			switch _, _, value := envOptions.option(words[at].text); {
			case splits && text == "" && at+1 < len(words):
				return at, at + 2, words[at+1].text, true
			case splits:
				return at, at + 1, text, true
			case value:
				at++
			}
		}
	}
	return 0, 0, "", false
}

// envSplit reports whether an option of env is -S, and returns the text to split that is attached
// to the option. If text is empty, the next argument is the text to split.
func envSplit(option string) (text string, found bool) {
	if rest, long := strings.CutPrefix(option, "--s"); long {
		_, text, _ = strings.Cut(rest, "=")
		return text, true
	}
	if strings.HasPrefix(option, "--") {
		return "", false
	}
	at := strings.IndexByte(option, 'S')
	return option[at+1:], at > 0
}

// splitQuoted splits text into words at spaces outside of quotes.
func splitQuoted(text string) (words []string) {
	var word strings.Builder
	quote, inWord := byte(0), false
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case b == '\\' && quote != '\'' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
			inWord = true
		case quote != 0 && b == quote:
			quote = 0
		case quote == 0 && (b == '"' || b == '\''):
			quote, inWord = b, true
		case quote == 0 && strings.IndexByte(" \t\n\v\f\r", b) >= 0:
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteByte(b)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}
