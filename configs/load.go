package configs

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// FileName is the name of the configuration file in the working directory.
const FileName = "config.yaml"

// DemoStream is the path of the stream that demo.yaml declares.
const DemoStream = "live/demo"

//go:embed default.yaml
var defaultYAML []byte

//go:embed demo.yaml
var demoYAML []byte

// Options selects the sources of the configuration. The zero value reads the defaults, and the file FileName in
// the working directory if it exists.
type Options struct {
	File    string   // name of a file that must exist; empty means FileName in Dir, if it exists
	Dir     string   // directory of FileName; empty means the working directory
	Environ []string // environment variables, as from os.Environ
	Flags   []Flag   // settings of the command line

	// Check returns the problems that only building the parts of the program can find. It is called even if
	// values are invalid, with their defaults in place, so that Load reports all problems at once.
	Check func(*Config) config.Problems
}

// Flag is a setting on the command line.
type Flag struct {
	Name  string   // the flag as the user wrote it, such as --record-path
	Key   []string // keys of the setting from the root
	Value string
}

// ParseSet parses the argument of --set, such as mp4/record_path=/data.
func ParseSet(text string) (Flag, error) {
	path, value, ok := strings.Cut(text, "=")
	if !ok || path == "" {
		return Flag{}, errors.New("--set: write it as --set mp4/record_path=/data")
	}
	return Flag{Name: "--set " + path, Key: config.SplitPath(path), Value: value}, nil
}

// Load merges the layers and checks the result. If values are invalid, the error is a config.Problems with all
// of them.
func Load(o Options) (*Config, error) {
	file, err := o.find()
	if err != nil {
		return nil, err
	}
	l, err := newLayers()
	if err != nil {
		return nil, err
	}
	if file != "" {
		if err := l.file(file); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(l.environment(o.Environ), l.flags(o.Flags)); err != nil {
		return nil, err
	}
	demo := file == "" && !l.has("streams") && !l.has("pipelines")
	if demo {
		if err := l.embedded(demoYAML); err != nil {
			return nil, err
		}
	}
	c, problems := resolve(l.tree())
	if problems = o.further(c, problems); len(problems) > 0 {
		return nil, explain(problems).Sorted()
	}
	c.File, c.Blank = file, l.blank
	if demo && c.MP4.Enable {
		c.Demo = DemoStream
	}
	c.Warnings = c.warnings()
	return c, nil
}

// further calls Options.Check, adds its problems to problems and returns the list. It leaves out a problem at a path
// or position at which problems has one already.
func (o Options) further(c *Config, problems config.Problems) config.Problems {
	if o.Check == nil {
		return problems
	}
	said := slices.Clone(problems)
	for _, p := range o.Check(c) {
		if !slices.ContainsFunc(said, func(q config.Problem) bool { return q.Path == p.Path || q.Pos == p.Pos && p.Pos != (config.Pos{}) }) {
			problems = append(problems, p)
		}
	}
	return problems
}

// find returns the name of the file to read, or "" if o.File is empty and FileName does not exist in o.Dir. It
// returns an error if o.File does not exist or is a directory.
func (o Options) find() (string, error) {
	if o.File != "" {
		info, err := os.Stat(o.File)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("configuration %s does not exist (without -c, %s in the working directory is read if it exists)", o.File, FileName)
		case err != nil:
			return "", fmt.Errorf("configuration: %w", err)
		case info.IsDir():
			return "", fmt.Errorf("configuration %s is a directory, not a file", o.File)
		}
		return o.File, nil
	}
	file := filepath.Join(o.Dir, FileName)
	_, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("configuration: %w", err)
	}
	return file, nil
}

// Default returns the configuration that results from the defaults alone.
func Default() *Config {
	l, err := newLayers()
	if err != nil {
		panic(err) // the defaults are part of the program
	}
	c, problems := resolve(l.tree())
	if len(problems) > 0 {
		panic(problems)
	}
	return c
}

// explainEnvironment improves the hint for an unknown environment variable: it suggests a similar one. The most
// common mistake is a single underscore between two levels.
func explainEnvironment(problems config.Problems) config.Problems {
	var known []string
	for i, p := range problems {
		name, ok := strings.CutPrefix(p.Pos.File, environmentPos+envPrefix)
		if !ok || !strings.HasPrefix(p.Msg, "unknown key") {
			continue
		}
		if known == nil {
			known = variables()
		}
		hint := "levels are separated by __, as in SPOOL_MP4__RECORD_PATH"
		if near := config.Nearest(name, known); near != "" {
			hint = config.DidYouMean(envPrefix+near) + " " + hint
		}
		problems[i].Hint = hint
	}
	return problems
}

// variables returns the names of the environment variables of all settings, without the prefix.
func variables() (names []string) {
	_, docs := config.Describe(Config{})
	for path := range docs {
		names = append(names, strings.ToUpper(strings.Join(config.SplitPath(path), "__")))
	}
	slices.Sort(names)
	return names
}
