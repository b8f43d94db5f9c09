package config_test

import (
	"errors"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
)

type common struct {
	Name string `yaml:"name" doc:"what it is called"`
}

type job struct {
	Cron  string          `yaml:"cron"`
	Every config.Duration `yaml:"every"`
}

func (j *job) SetDefaults() { j.Every = config.Duration(time.Minute) }

func (j job) Validate() error {
	if j.Cron == "" {
		return config.At("cron", "is missing").WithHint("for example 0 8 * * *")
	}
	return nil
}

type settings struct {
	common `yaml:",inline"`
	On     bool            `yaml:"on"`
	Small  int8            `yaml:"small"`
	Big    uint64          `yaml:"big"`
	Port   uint16          `yaml:"port"`
	Ratio  float64         `yaml:"ratio"`
	Wait   config.Duration `yaml:"wait"`
	Offset config.Duration `yaml:"offset" config:"signed"`
	Std    time.Duration   `yaml:"std"`
	Limit  config.Size     `yaml:"limit"`
	Mode   string          `yaml:"mode" oneof:"off on auto"`
	Addr   netip.AddrPort  `yaml:"addr"`
	Tags   []string        `yaml:"tags"`
	Jobs   []job           `yaml:"jobs"`
	ByName map[string]job  `yaml:"by_name"`
	Maybe  *job            `yaml:"maybe"`
	Raw    *config.Node    `yaml:"raw"`
	Any    any             `yaml:"any"`
	hidden int
	Never  string `yaml:"-"`
}

func decode(t *testing.T, text string) (settings, config.Problems) {
	t.Helper()
	c := settings{common: common{Name: "default"}, Wait: config.Duration(time.Second), Tags: []string{"d"}}
	n, err := config.Parse("f.yaml", []byte(text))
	require.NoError(t, err)
	return c, n.Decode(&c)
}

func decoded(t *testing.T, text string) settings {
	t.Helper()
	c := settings{common: common{Name: "default"}, Wait: config.Duration(time.Second), Tags: []string{"d"}}
	n, err := config.Parse("f.yaml", []byte(text))
	require.NoError(t, err)
	require.NoError(t, n.Decode(&c).Err())
	return c
}

func TestEveryKindIsDecoded(t *testing.T) {
	c := decoded(t, `
name: cam
on: true
small: -128
big: 18446744073709551615
port: 65535
ratio: 2
wait: 1h30m
offset: -5
std: 250ms
limit: 1.5MiB
mode: auto
addr: 127.0.0.1:80
tags: [a, "1"]
jobs:
  - {cron: "* * * * *"}
by_name:
  live/x: {cron: x, every: 0.5}
maybe: {cron: y}
raw: {deep: [1, {x: ~}]}
any: {a: [1, 2.5, yes, null]}
`)
	require.Equal(t, "cam", c.Name)
	require.True(t, c.On)
	require.Equal(t, int8(-128), c.Small)
	require.Equal(t, uint64(math.MaxUint64), c.Big)
	require.Equal(t, uint16(65535), c.Port)
	require.Equal(t, 2.0, c.Ratio)
	require.Equal(t, 90*time.Minute, c.Wait.D())
	require.Equal(t, -5*time.Second, c.Offset.D())
	require.Equal(t, 250*time.Millisecond, c.Std)
	require.Equal(t, config.Size(3<<19), c.Limit)
	require.Equal(t, "127.0.0.1:80", c.Addr.String())
	require.Equal(t, []string{"a", "1"}, c.Tags)
	require.Equal(t, []job{{"* * * * *", config.Duration(time.Minute)}}, c.Jobs)
	require.Equal(t, map[string]job{"live/x": {"x", config.Duration(500 * time.Millisecond)}}, c.ByName)
	require.Equal(t, &job{"y", config.Duration(time.Minute)}, c.Maybe)
	require.Equal(t, config.Pos{File: "f.yaml", Line: 20, Col: 13}, c.Raw.Get("deep").Pos)
	require.Equal(t, map[string]any{"a": []any{int64(1), 2.5, "yes", nil}}, c.Any)
	require.Zero(t, c.hidden)
}

func TestAnOmittedSettingKeepsItsDefault(t *testing.T) {
	for _, text := range []string{"", "# only a comment\n", "{}", "wait:\ntags: ~\nname: null\nmaybe:\n"} {
		c := decoded(t, text)
		require.Equal(t, "default", c.Name, text)
		require.Equal(t, time.Second, c.Wait.D(), text)
		require.Equal(t, []string{"d"}, c.Tags, text)
		require.Nil(t, c.Maybe, text)
	}
}

func TestErrorsHaveTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		"nmae: x":              `f.yaml:1:1: nmae: unknown key "nmae", did you mean "name"? (known here: name, on, small, big, port, ratio, wait, offset, std, limit, mode, addr, tags, jobs, by_name, maybe, raw, any)`,
		"hidden: 1":            `f.yaml:1:1: hidden: unknown key "hidden" (known`,
		"never: 1":             `f.yaml:1:1: never: unknown key "never"`,
		"\n\n  on: 1":          `f.yaml:3:7: on: true or false is wanted here, this is the number 1`,
		"on: yes":              `f.yaml:1:5: on: true or false is wanted here, this is the text "yes"`,
		"name: 12":             `f.yaml:1:7: name: text is wanted here, this is the number 12 (for example "12", with the quotes)`,
		"name: [a]":            `f.yaml:1:7: name: text is wanted here, this is a list`,
		"small: 128":           `f.yaml:1:8: small: 128 is out of range: -128 to 127`,
		"small: 1.5":           `f.yaml:1:8: small: a whole number is wanted here, this is the number 1.5 (for example 10)`,
		`small: "5"`:           `f.yaml:1:8: small: a whole number is wanted here, this is the text "5"`,
		`on: "true"`:           `f.yaml:1:5: on: true or false is wanted here, this is the text "true"`,
		`tags: "[a]"`:          `f.yaml:1:7: tags: a list is wanted here, this is the text "[a]"`,
		"port: -1":             `f.yaml:1:7: port: -1 is out of range: 0 to 65535`,
		"ratio: .nan":          `f.yaml:1:8: ratio: NaN is out of range`,
		"ratio: .inf":          `f.yaml:1:8: ratio: +Inf is out of range`,
		"ratio: x":             `f.yaml:1:8: ratio: a number is wanted here, this is the text "x" (for example 2.5)`,
		"wait: -1s":            `f.yaml:1:7: wait: -1s is negative (a duration is 0 or more)`,
		"wait: 10 parsecs":     `f.yaml:1:7: wait: "10 parsecs" is no duration (for example 10s, 1h30m, or 10 for seconds)`,
		"wait: .nan":           `f.yaml:1:7: wait: NaN seconds is out of range`,
		"wait: 1e300":          `f.yaml:1:7: wait: 1e+300 seconds is out of range`,
		"wait: true":           `f.yaml:1:7: wait: a duration is wanted here, this is the truth value true`,
		"limit: 12 parsecs":    `f.yaml:1:8: limit: "12 parsecs" is no size (for example`,
		"limit: -1":            `f.yaml:1:8: limit: -1 is negative (a size is 0 or more)`,
		"limit: 9000000TiB":    `f.yaml:1:8: limit: "9000000TiB" is out of range`,
		"mode: atuo":           `f.yaml:1:7: mode: unknown value "atuo", did you mean "auto"? (one of off, on, auto)`,
		"addr: nowhere":        `f.yaml:1:7: addr: not an ip:port`,
		"tags: a":              `f.yaml:1:7: tags: a list is wanted here, this is the text "a" (for example [a, b])`,
		"tags: [a, 1]":         `f.yaml:1:11: tags/1: text is wanted here, this is the number 1`,
		"tags: [a, ]":          ``,
		"tags:\n- a\n-\n":      `f.yaml:3:2: tags/1: a value is wanted here, this is empty`,
		"jobs: {}":             `f.yaml:1:7: jobs: a list is wanted here, this is a map`,
		"by_name: []":          `f.yaml:1:10: by_name: a map is wanted here, this is a list`,
		"by_name: {a/b: 1}":    `f.yaml:1:16: by_name[a/b]: a map of settings is wanted here, this is the number 1`,
		"jobs: [{every: 1}]":   `f.yaml:1:8: jobs/0/cron: is missing (for example 0 8 * * *)`,
		"jobs: [{cron: ''}]":   `f.yaml:1:15: jobs/0/cron: is missing (for example 0 8 * * *)`,
		"maybe: {}":            `f.yaml:1:8: maybe/cron: is missing`,
		"maybe: {cron: 1}":     `f.yaml:1:15: maybe/cron: text is wanted here`,
		"by_name: {x: {a: 1}}": `f.yaml:1:15: by_name/x/a: unknown key "a" (known here: cron, every)`,
	} {
		_, problems := decode(t, text)
		if want == "" {
			require.Empty(t, problems, text)
			continue
		}
		require.NotEmpty(t, problems, text)
		require.Contains(t, problems.Error(), want, text)
	}
}

func TestEveryProblemIsReportedAtOnceInOrder(t *testing.T) {
	_, problems := decode(t, "wait: x\nfoo: 1\njobs: [{cron: 5}, {}]\nname: ok\nsmall: 999\n")
	lines := []int{}
	for _, p := range problems {
		lines = append(lines, p.Pos.Line)
	}
	require.Equal(t, []int{1, 2, 3, 3, 5}, lines, problems.Error())
}

func TestAWrongValueKeepsItsDefault(t *testing.T) {
	n, err := config.Parse("f", []byte("{wait: x, name: new}"))
	require.NoError(t, err)
	c := settings{Wait: config.Duration(time.Second)}
	require.Len(t, n.Decode(&c), 1)
	require.Equal(t, time.Second, c.Wait.D())
	require.Equal(t, "new", c.Name)
}

func TestEnvironmentTextIsReadAsTheFieldsType(t *testing.T) {
	root := map[string]any{}
	for key, text := range map[string]string{
		"name": "12", "on": "true", "small": "5", "big": "18446744073709551615", "ratio": "0.5", "wait": "10",
		"limit": "1GiB", "tags": "[a, 1x]", "any": "text", "maybe": "{cron: x}",
	} {
		root[key] = &config.Node{Pos: config.Pos{File: "environment " + key}, Scalar: text}
	}
	var c settings
	require.NoError(t, config.FromAny(root, "", nil).Decode(&c).Err())
	require.Equal(t, "12", c.Name)
	require.True(t, c.On)
	require.Equal(t, int8(5), c.Small)
	require.Equal(t, uint64(math.MaxUint64), c.Big)
	require.Equal(t, 10*time.Second, c.Wait.D())
	require.Equal(t, config.Size(1<<30), c.Limit)
	require.Equal(t, []string{"a", "1x"}, c.Tags)
	require.Equal(t, "x", c.Maybe.Cron)

	bad := map[string]any{"on": &config.Node{Pos: config.Pos{File: "environment SPOOL_ON"}, Scalar: "maybe"}}
	require.EqualError(t, config.FromAny(bad, "", nil).Decode(&c),
		`environment SPOOL_ON: on: true or false is wanted here, this is the text "maybe"`)
}

type hooked struct {
	Low  int `yaml:"low"`
	High int `yaml:"high"`
	List []struct {
		X int `yaml:"x"`
	} `yaml:"list"`
}

func (h hooked) Validate() error {
	if h.Low > h.High {
		return errors.Join(config.At("high", "is below low, %d", h.Low), errors.New("as a whole"))
	}
	return nil
}

func (h *hooked) Check() (ps config.Problems) {
	for i, e := range h.List {
		if e.X == 0 {
			ps = append(ps, config.At(config.Join("list", string(rune('0'+i)))+"/x", "is zero"))
		}
	}
	return ps
}

func TestHooksReportValuesOfTheirStruct(t *testing.T) {
	n, err := config.Parse("f", []byte("low: 5\nhigh: 4\nlist: [{x: 1}, {x: 0}, {}]\n"))
	require.NoError(t, err)
	require.EqualError(t, n.Decode(&hooked{}), `f:1:1: as a whole
f:2:7: high: is below low, 5
f:3:20: list/1/x: is zero
f:3:24: list/2/x: is zero`)
}

func TestAHookCannotReportAnUndecodedValue(t *testing.T) {
	n, err := config.Parse("f", []byte("low: 5\nhigh: x\n"))
	require.NoError(t, err)
	require.EqualError(t, n.Decode(&hooked{}), `f:1:1: as a whole
f:2:7: high: a whole number is wanted here, this is the text "x" (for example 10)`)
}

type plainly struct {
	Low  int `yaml:"low"`
	High int `yaml:"high"`
}

func (p plainly) Validate() error {
	return errors.Join(errors.New("high: is odd"), errors.New("low is odd too"), errors.New("lower: is no setting"))
}

func TestAPlainErrorThatNamesASettingIsAboutIt(t *testing.T) {
	n, err := config.Parse("f", []byte("low: 5\nhigh: 7\n"))
	require.NoError(t, err)
	require.EqualError(t, n.Decode(&plainly{}), `f:1:1: lower: is no setting
f:1:6: low: low is odd too
f:2:7: high: is odd`)
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "name: x\nwait: 10s", "jobs: [{cron: a, every: 1}, {}]", "by_name: {a/b: {cron: 1}}", "raw: [1, {a: b}]", "wait: 1e309", "limit: .inf"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := config.Parse("f", []byte(text))
		if err != nil {
			return
		}
		var c settings
		_ = n.Decode(&c).Error()
		require.GreaterOrEqual(t, c.Wait, config.Duration(0))
		require.GreaterOrEqual(t, c.Limit, config.Size(0))
		require.False(t, math.IsNaN(c.Ratio) || math.IsInf(c.Ratio, 0))
	})
}

// A mode of files keeps the text as written, though some YAML readers make another number of it. Where every reader
// sees a number, the hint keeps the notation, too.
func TestAnOctalNumberIsTextWhereTextIsWanted(t *testing.T) {
	var into struct {
		Mode  string          `yaml:"mode"`
		Count int             `yaml:"count"`
		Wait  config.Duration `yaml:"wait"`
	}
	require.Empty(t, parsed(t, "mode: 0640\nwait: 010").Decode(&into))
	require.Equal(t, "0640", into.Mode)
	require.Equal(t, "10s", into.Wait.String())
	require.ErrorContains(t, parsed(t, "mode: 0o640").Decode(&into), `"0640", with the quotes`)
	require.ErrorContains(t, parsed(t, "mode: 0x1e8").Decode(&into), `"0x1e8", with the quotes`)
	require.ErrorContains(t, parsed(t, "count: 010").Decode(&into), `a whole number is wanted here, this is the text "010"`)
}
