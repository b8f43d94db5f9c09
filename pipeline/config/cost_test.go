package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// again returns a text of about n bytes: head, many times part, and tail.
func again(head, part, tail string) func(n int) string {
	return func(n int) string { return head + strings.Repeat(part, n/len(part)+1) + tail }
}

// counting is again with a number in each part.
func counting(head, part, tail string) func(n int) string {
	return func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, part, i)
		}
		return head + b.String() + tail
	}
}

// hostileTexts are texts for which a YAML reader may need quadratic time or much memory, and variants of them.
var hostileTexts = map[string]func(n int) string{
	"keys in keys on a line":     again("", "a: ", ""),
	"quoted keys in keys":        again("", `"a": `, ""),
	"explicit keys":              again("", "? a\n", ""),
	"keys of a map":              counting("", "k%d: 1\n", ""),
	"the same key":               again("", "a: 1\n", ""),
	"keys without values":        counting("", "k%d:\n", ""),
	"keys of a map in braces":    counting("{", `"k%d": 1, `, "}"),
	"values without keys":        again("{", ": ,", "}"),
	"a long key":                 again("", "a", ": 1"),
	"long keys":                  counting("", strings.Repeat("k", 900)+"%d: 1\n", ""),
	"a list under a long key":    again(strings.Repeat("k", 900)+": [", "1,", "]"),
	"a list below long keys":     again(strings.Repeat("{"+strings.Repeat("k", 900)+": ", 8)+"[", "1,", "]"+strings.Repeat("}", 8)),
	"list items":                 again("", "- a\n", ""),
	"lists in lists on a line":   again("", "- ", ""),
	"lists in lists by indent":   func(n int) string { return stairs("-", n) },
	"maps in maps by indent":     func(n int) string { return stairs("a:", n) },
	"maps of one key":            again("[", "a: 1,", "]"),
	"brackets":                   again("", "[", ""),
	"closed brackets":            again("", "[]", ""),
	"closing brackets":           again("", "]", ""),
	"empty lists":                again("[", "[],", "]"),
	"commas":                     again("", ",", ""),
	"words":                      again("", "a ", ""),
	"lines of words":             again("", "a\n  ", ""),
	"a double-quoted text":       again(`"`, `\n`, `"`),
	"a text without an end":      again(`"`, "a\n", ""),
	"quoted texts":               again("", `"a" `, ""),
	"empty lines in a text":      again("a: >\n", "\n", ""),
	"empty lines behind a text":  again("a: |-\n  b\n", "  b\n\n", ""),
	"comments":                   again("", "# c\n", ""),
	"comments behind values":     counting("", "k%d: v # c\n", ""),
	"comments in a list":         again("", "- # c\n", ""),
	"documents":                  again("", "--- a\n", ""),
	"empty documents":            again("", "---\n", ""),
	"directives":                 again("", "%TAG ! !\n", "---\na"),
	"anchors":                    counting("", "k%d: &k%[1]d 1\n", ""),
	"anchors before one value":   again("", "&a ", "1"),
	"aliases":                    again("a: &a 1\nb: [", "*a, ", "]"),
	"aliases of a list":          again("a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\nb: [", "*a, ", "]"),
	"aliases of aliases":         counting("k: &k0 [1]\n", "k%d: &k [*k0, *k0, *k0, *k0]\n", ""),
	"merge keys":                 again("a: &a {x: 1}\nb:\n", "  <<: *a\n", ""),
	"a merge of a list":          again("a: &a {x: 1}\nb: {<<: [", "*a,", "]}"),
	"tags":                       again("", "!!str ", "a"),
	"a tag that means nothing":   again("[", "!x a,", "]"),
	"a number":                   again("1", "0", ""),
	"a number with underscores":  again("1", "_0", ""),
	"a fraction":                 again("1.", "0", ""),
	"an exponent":                again("1e", "9", ""),
	"surrogate pairs":            again(`"`, `\ud83d\ude00`, `"`),
	"what is no UTF-8":           again("", "é", "\xff"),
	"what cannot begin a token":  again("- ", "\n ", "@"),
	"carriage returns":           again("", "a: 1\r\n", ""),
	"spaces":                     again("a:", " ", "b"),
	"colons":                     again("", ": ", ""),
	"keys that no struct has":    counting("", "low%d: 1\n", ""),
	"items that no struct takes": again("list: [", "{x: y},", "]"),
	"items that are refused":     again("list: [", "{x: 0},", "]"),
}

func stairs(step string, n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(strings.Repeat(" ", i) + step + "\n")
	}
	return b.String()
}

// The cost is measured as memory, because every quadratic case that was found copied.
func TestTheCostOfATextIsProportional(t *testing.T) {
	for name, text := range hostileTexts {
		t.Run(name, func(t *testing.T) {
			pipelinetest.Proportional(t, 8<<10, 512<<10, func(n int) int64 {
				data := []byte(text(n))
				cost := pipelinetest.Allocated(func() {
					node, err := config.Parse("f", data)
					if err != nil {
						require.LessOrEqual(t, len(err.Error()), 16<<10+len(data), "the message")
						return
					}
					problems := node.Decode(&hooked{})
					require.LessOrEqual(t, len(problems.Error()), 64<<10+2*len(data), "the problems")
				})
				require.LessOrEqual(t, cost, int64(4<<20+3000*len(data)), "%d bytes of text", len(data))
				return cost
			})
		})
	}
}

func TestReportedProblemsAreBounded(t *testing.T) {
	_, err := config.Parse("f", []byte(strings.Repeat("a: 1\n", 1000)))
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, 101)
	require.Equal(t, "f:101:1: a: 899 further problems are not listed (correct these first)", problems[100].String())

	n := parsed(t, counting("", "low%d: 1\n", "")(10_000))
	problems = n.Decode(&hooked{})
	require.Len(t, problems, 101)
	require.Contains(t, problems[100].Msg, "further problems are not listed")
}
