package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// StagesCmd implements spool stages, which lists the stages of the program.
type StagesCmd struct {
	YAML bool `name:"yaml" xor:"form" help:"As YAML that can be copied into a pipeline."`
	JSON bool `name:"json" xor:"form" help:"As JSON."`
}

// Run prints all registered stages with their settings and defaults, as tables, YAML or JSON.
func (c *StagesCmd) Run(p *Program) error {
	switch {
	case c.YAML:
		_, err := p.Stdout.Write(configs.StagesYAML(configs.Stages()))
		return err
	case c.JSON:
		return stagesJSON(p.Stdout)
	}
	for _, s := range configs.Stages() {
		stageTable(p.Stdout, s)
	}
	return nil
}

// stageTable prints the name, signature and description of one stage, and a table of its settings.
func stageTable(w io.Writer, s pipeline.StageInfo) {
	fmt.Fprintf(w, "%s  %s\n%s\n", s.Name, signature(s), wrap(s.Doc))
	settings := settingsOf(s)
	if len(settings) == 0 {
		fmt.Fprint(w, "No settings.\n\n")
		return
	}
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 3, WidthMax: 66, WidthMaxEnforcer: text.WrapSoft}})
	t.AppendHeader(table.Row{"setting", "default", "meaning"})
	for _, set := range settings {
		t.AppendRow(table.Row{set.Name, set.shown, set.Doc})
	}
	t.Render()
	fmt.Fprintln(w)
}

// wrap breaks a text into lines of at most 100 columns. It removes the spaces that go-pretty adds to
// fill a line.
func wrap(s string) string {
	lines := strings.Split(text.WrapSoft(s, 100), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// signature returns the kind of a stage and the elements that it takes and gives, such as "(transform:
// takes chunk, gives part)"; an output takes none.
func signature(s pipeline.StageInfo) string {
	switch {
	case s.Kind == pipeline.KindOutput:
		return "(output)"
	case s.In == nil:
		return fmt.Sprintf("(%s: gives %s)", s.Kind, pipeline.ElementName(s.Out))
	case s.Out == nil:
		return fmt.Sprintf("(%s: takes %s)", s.Kind, pipeline.ElementName(s.In))
	}
	return fmt.Sprintf("(%s: takes %s, gives %s)", s.Kind, pipeline.ElementName(s.In), pipeline.ElementName(s.Out))
}

// setting describes one setting of a stage.
type setting struct {
	Name    string `json:"name"`
	Default any    `json:"default"`
	Doc     string `json:"doc"`
	shown   string // Default as YAML
}

// settingsOf returns the settings of a stage in the order of their declaration.
func settingsOf(s pipeline.StageInfo) (out []setting) {
	n, docs := config.Describe(s.Defaults)
	for _, e := range n.Entries {
		shown := string(e.Value.YAML(config.Style{}))
		out = append(out, setting{Name: e.Key, Default: e.Value.Any(), Doc: docs[e.Value.Path], shown: shown[:len(shown)-1]})
	}
	return out
}

// stagesJSON prints all stages as a JSON array.
func stagesJSON(w io.Writer) error {
	type stage struct {
		Name     string    `json:"name"`
		Kind     string    `json:"kind"`
		In       string    `json:"in,omitempty"`
		Out      string    `json:"out,omitempty"`
		Doc      string    `json:"doc"`
		Settings []setting `json:"settings"`
	}
	list := []stage{}
	for _, s := range configs.Stages() {
		list = append(list, stage{s.Name, s.Kind.String(), pipeline.ElementName(s.In), pipeline.ElementName(s.Out), s.Doc, append([]setting{}, settingsOf(s)...)})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(list)
}
