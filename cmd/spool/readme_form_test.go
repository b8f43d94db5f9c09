package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// top is the root of the repository, for tests that change their directory.
var top, _ = filepath.Abs(root)

// What a reader with little time reads.
const (
	mostLines   = 150
	mostColumns = 120
)

// A README is read in one sitting, on one screen's width. THREATS.md is a list for reference and
// may be longer.
func TestReadmesAreShort(t *testing.T) {
	for _, page := range documents(t) {
		lines := strings.Split(strings.TrimSuffix(readFile(t, page), "\n"), "\n")
		if path.Base(page) == "README.md" && len(lines) > mostLines {
			t.Errorf("%s has %d lines: %d are the most; move a part into the folder that it describes", page, len(lines), mostLines)
		}
		for i, line := range lines {
			if n := utf8.RuneCountInString(line); n > mostColumns {
				t.Errorf("%s:%d has %d columns: %d are the most", page, i+1, n, mostColumns)
			}
		}
	}
}

var (
	link      = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	notInSlug = regexp.MustCompile(`[^\p{L}\p{N}\p{M}_ -]`)
)

// Links between documents lead to a file, and to a heading in it.
func TestLinksOfDocumentsLeadSomewhere(t *testing.T) {
	checked := 0
	for _, page := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(prose(readFile(t, page)), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			checked++
			file, anchor, _ := strings.Cut(m[1], "#")
			to := path.Join(path.Dir(page), file)
			if file == "" {
				to = page
			}
			if _, err := os.Stat(filepath.Join(top, to)); err != nil {
				t.Errorf("%s: %s does not exist", page, m[1])
			} else if anchor != "" && !slices.Contains(anchors(readFile(t, to)), anchor) {
				t.Errorf("%s: %s has no heading #%s", page, to, anchor)
			}
		}
	}
	require.Greater(t, checked, 20)
}

// anchors returns the names that GitHub gives to headings.
func anchors(markdown string) []string {
	var out []string
	for line := range strings.Lines(prose(markdown)) {
		if marks, heading, is := strings.Cut(line, " "); is && marks != "" && strings.Trim(marks, "#") == "" {
			slug := notInSlug.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			out = append(out, strings.ReplaceAll(slug, " ", "-"))
		}
	}
	return out
}

// Every curl command shows an error of the API and fails on it.
func TestCurlOfReadmesShowsErrors(t *testing.T) {
	for _, page := range readmes(t) {
		for _, b := range blocksOf(t, page) {
			if n := strings.Count(b.text, "curl "); b.kind != blockSettings && b.kind != blockText &&
				n != strings.Count(b.text, "curl -sS --fail-with-body ") {
				t.Errorf("%s: use curl -sS --fail-with-body", b.at())
			}
		}
	}
}

var (
	span      = regexp.MustCompile("`([^`]+)`")
	longFlag  = regexp.MustCompile(`(?:^|\s)(--[a-z][a-z0-9-]*)`)
	spoolVerb = regexp.MustCompile(`^(?:\./)?spool ([a-z]+(?: (?:mux|pipeline|finalise|repair|remux|live|players|targets))?)(?: |$)`)
)

// Commands that a sentence names exist, with their flags.
func TestCommandsNamedInDocumentsExist(t *testing.T) {
	checked := 0
	texts := map[string]string{}
	for _, page := range documents(t) {
		texts[page] = prose(readFile(t, page))
	}
	for page, text := range texts {
		for _, m := range span.FindAllStringSubmatch(text, -1) {
			command := strings.Join(strings.Fields(m[1]), " ")
			switch verb := spoolVerb.FindStringSubmatch(command); {
			case verb != nil:
				checked++
				code, help, problems := spool(t, "", append(strings.Fields(verb[1]), "--help")...)
				require.Equal(t, exitOK, code, "%s: %s: %s", page, command, problems)
				for _, flag := range longFlag.FindAllStringSubmatch(command, -1) {
					require.Contains(t, help, flag[1], "%s: %s", page, command)
				}
			case strings.HasPrefix(command, "make ") || strings.HasPrefix(command, "go test "):
				checked++
				lookUp(t, block{page: page, text: strings.ReplaceAll(command, `\|`, "|")}) // a cell of a table
			}
		}
	}
	require.Greater(t, checked, 20)
}

var (
	makeTarget  = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	testPattern = regexp.MustCompile(`(?:-run|-bench|-fuzz)[ =]('[^']*'|\S+)`)
	testName    = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz|Example)\w*)\(`)
)

// lookUp reports the names in a command that do not exist: targets of make, packages, and tests.
// It is for commands that take too long for a test.
func lookUp(t *testing.T, b block) {
	t.Helper()
	for line := range strings.Lines(b.text) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		dir := "."
		if in, rest, is := strings.Cut(strings.TrimPrefix(line, "cd "), " && "); is && strings.HasPrefix(line, "cd ") {
			dir, line = in, rest
		}
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "make" || strings.Contains(line, " make "):
			targets := makeTarget.FindAllStringSubmatch(readFile(t, "Makefile"), -1)
			for _, w := range words[slices.Index(words, "make")+1:] {
				require.True(t, strings.Contains(w, "=") || slices.ContainsFunc(targets, func(m []string) bool { return m[1] == w }),
					"%s: make has no target %s", b.at(), w)
			}
		case strings.HasPrefix(line, "go test "):
			names := testsBelow(t, dir, words)
			for _, m := range testPattern.FindAllStringSubmatch(line, -1) {
				for _, one := range strings.Split(strings.Trim(m[1], "'"), "|") {
					if one == "^$" || one == "xxx" {
						continue
					}
					pattern, err := regexp.Compile(one)
					require.NoError(t, err, b.at())
					require.True(t, slices.ContainsFunc(names, pattern.MatchString), "%s: no test fits %s", b.at(), one)
				}
			}
		default:
			t.Errorf("%s: only make and go test can be looked up: %s", b.at(), line)
		}
	}
}

// testsBelow returns the tests of the packages that a go command names.
func testsBelow(t *testing.T, dir string, words []string) []string {
	t.Helper()
	var names []string
	found := false
	for _, w := range words {
		if w != "." && !strings.HasPrefix(w, "./") {
			continue
		}
		found = true
		below, all := strings.CutSuffix(w, "...")
		from := filepath.Join(top, dir, below)
		require.NoError(t, filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && file != from && !all {
				return fs.SkipDir
			}
			if err != nil || !strings.HasSuffix(file, "_test.go") {
				return err
			}
			text, err := os.ReadFile(file)
			for _, m := range testName.FindAllSubmatch(text, -1) {
				names = append(names, string(m[1]))
			}
			return err
		}))
	}
	require.True(t, found, "a package is named: %s", words)
	return names
}

// documents returns the pages of the repository, from the root; readmes returns those named
// README.md.
func documents(t *testing.T) []string {
	t.Helper()
	var pages []string
	require.NoError(t, filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && file != top && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if err == nil && strings.HasSuffix(file, ".md") {
			page, err := filepath.Rel(top, file)
			pages = append(pages, filepath.ToSlash(page))
			return err
		}
		return err
	}))
	require.NotEmpty(t, pages)
	return pages
}

func readmes(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(documents(t), func(page string) bool { return path.Base(page) != "README.md" })
}

func readFile(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, page))
	require.NoError(t, err)
	return string(text)
}

type block struct {
	page, kind, text string
	line             int
}

func (b block) at() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// blocksOf returns the fenced blocks of a page. Each must name a known language, so that none
// escapes the tests.
func blocksOf(t *testing.T, page string) []block {
	t.Helper()
	kinds := []string{blockShell, blockServe, blockLong, blockSettings, blockText, blockGo}
	var out []block
	in := false
	n := 0
	for line := range strings.Lines(readFile(t, page)) {
		n++
		kind, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && in:
			in = false
		case fence:
			in = true
			out = append(out, block{page: page, kind: kind, line: n})
			require.Contains(t, kinds, kind, "%s:%d: what the block is", page, n)
		case in:
			out[len(out)-1].text += line
		default:
			require.False(t, strings.HasPrefix(line, "    ") && !strings.HasPrefix(strings.TrimSpace(line), "|"),
				"%s:%d: a command that is indented is not tested: put it between ```", page, n)
		}
	}
	require.False(t, in, "%s: the last block does not end", page)
	return out
}

// prose returns a page without its blocks.
func prose(markdown string) string {
	parts := strings.Split(markdown, "```")
	var out strings.Builder
	for i := 0; i < len(parts); i += 2 {
		out.WriteString(parts[i])
	}
	return out.String()
}
