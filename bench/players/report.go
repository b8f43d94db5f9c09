package players

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// cells returns the table of verdicts: the heading, and then a row for each codec and form.
func (r *Report) cells() [][]string {
	head := []string{"codec", "form"}
	for _, p := range r.Players {
		head = append(head, p+" "+r.Versions[p])
	}
	rows, at := [][]string{head}, map[[2]string]int{}
	for _, p := range r.Results { // player by player, each in the same order
		key := [2]string{p.Codec, p.Form}
		if at[key] == 0 {
			at[key] = len(rows)
			rows = append(rows, []string{p.Codec, p.Form})
		}
		rows[at[key]] = append(rows[at[key]], p.Verdict)
	}
	return rows
}

// WriteTable writes the table in aligned columns, and the reason of each verdict but plays.
func (r *Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range r.cells() {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	for _, p := range r.Results {
		if p.Verdict != Plays && p.Reason != "" {
			fmt.Fprintf(t, "%s %s, %s: %s: %s\n", p.Codec, p.Form, p.Player, p.Verdict, p.Reason)
		}
	}
	return t.Flush()
}

// WriteMarkdown writes the table in Markdown.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	for i, row := range r.cells() {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteJSON writes all results.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
