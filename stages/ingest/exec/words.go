package exec

import (
	"errors"
	"strings"
)

var (
	errQuote  = errors.New("a quote of the command is not closed")
	errEmpty  = errors.New("exec: names no command: write exec:ffmpeg -i SOURCE -c copy -f mpegts -")
	errNUL    = errors.New("the command holds the character NUL, which no program can be given")
	errEscape = errors.New("the command ends with a backslash, which stands for nothing")
)

// split splits a command line into the program and its arguments. Spaces separate them. Text in single quotes is taken as it
// is; in double quotes a backslash before " or \ takes that character as it is, and outside of quotes before any character.
// Nothing else has a meaning: no shell reads the command.
func split(line string) (words []string, err error) {
	var word strings.Builder
	begun := false // a word has begun, which may be empty: ''
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case 0:
			return nil, errNUL
		case ' ', '\t', '\n', '\r':
			if begun {
				words = append(words, word.String())
			}
			begun = false
			word.Reset()
			continue
		case '\'':
			end := strings.IndexByte(line[i+1:], '\'')
			if end < 0 {
				return nil, errQuote
			}
			word.WriteString(line[i+1:][:end])
			i += end + 1
		case '"':
			n, err := quoted(&word, line[i+1:])
			if err != nil {
				return nil, err
			}
			i += n
		case '\\':
			if i++; i == len(line) {
				return nil, errEscape
			}
			word.WriteByte(line[i])
		default:
			word.WriteByte(c)
		}
		begun = true
	}
	if begun {
		words = append(words, word.String())
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errEmpty
	}
	return words, nil
}

// quoted appends text up to its double quote, and returns the number of bytes up to behind the quote.
func quoted(word *strings.Builder, text string) (n int, err error) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i + 1, nil
		case c == 0:
			return 0, errNUL
		case c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			word.WriteByte(text[i])
		default:
			word.WriteByte(c)
		}
	}
	return 0, errQuote
}
