package api

import (
	"bytes"
	"cmp"
	"fmt"
	"go/format"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A client that is generated from the document alone compiles, and works against a real server.
func TestClientFromTheDocumentCompilesAndWorks(t *testing.T) {
	w := newFixture(t)
	w.add(1, "live/camera01")
	w.put("live/räume/a b.mp4", []byte("footage"))
	s, addr := w.run()
	source, err := generate(readDocument(t, s))
	require.NoError(t, err)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":          "module client\n\ngo 1.26\n",
		"spool/client.go": string(source),
		"main.go":         clientMain,
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	cmd := exec.Command("go", "run", ".", "http://"+addr)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", out, source)
	require.Equal(t, `started live/camera01
1 recording: live/camera01
records 1: live_camera01_01.mp4 h264, next ""
404 there is no file nothing.mp4
file: footage
protected true
stopped live/camera01
`, string(out))
}

const clientMain = `package main

import (
	"fmt"
	"os"

	"client/spool"
)

func main() {
	c := spool.Client{Base: os.Args[1]}
	started, err := c.Start("live/camera01", spool.StartQuery{Duration: "60"})
	check(err)
	fmt.Println(started.Status, started.Stream)
	list, err := c.List(spool.ListQuery{})
	check(err)
	fmt.Println(list.Count, "recording:", list.Recordings[0])
	page, err := c.Records(spool.RecordsQuery{Stream: "live/*", Limit: "5"})
	check(err)
	fmt.Printf("records %d: %s %s, next %q\n", page.Count, page.Records[0].FilePath, page.Records[0].Tracks[0].Codec, page.Next)
	_, err = c.File("nothing.mp4", spool.FileQuery{})
	fmt.Println(err)
	data, err := c.File("live/räume/a b.mp4", spool.FileQuery{})
	check(err)
	fmt.Println("file:", string(data))
	yes := true
	rec, err := c.PatchRecord(page.Records[0].Id, spool.RecordPatch{Protected: &yes})
	check(err)
	fmt.Println("protected", rec.Record.Protected)
	stopped, err := c.Stop("live/camera01")
	check(err)
	fmt.Println(stopped.Status, stopped.Stream)
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
`

const clientHead = `// Package spool is a client made from the OpenAPI document.
package spool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Client makes requests to one server.
type Client struct{ Base string }

func escape(s string, slashes bool) string {
	if !slashes {
		return url.PathEscape(s)
	}
	parts := strings.Split(s, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

func (c Client) ask(method, path string, query url.Values, body, into any) ([]byte, error) {
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(data)
	}
	if q := query.Encode(); q != "" {
		path += "?" + q
	}
	req, err := http.NewRequest(method, c.Base+path, in)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 400 {
		var e ErrorAnswer
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%d %s", res.StatusCode, e.Error)
	}
	if into != nil {
		return data, json.Unmarshal(data, into)
	}
	return data, nil
}
`

// generate writes a Go client from the document alone.
func generate(doc openAPI) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(clientHead)
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		s := doc.Components.Schemas[name]
		fmt.Fprintf(&b, "\ntype %s struct {\n", name)
		for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
			p := s.Properties[field]
			star := ""
			if list, ok := p.Type.([]any); ok {
				p.Type, star = list[0], "*"
			}
			fmt.Fprintf(&b, "%s %s%s `json:%q`\n", exported(field), star, goType(p), field)
		}
		b.WriteString("}\n")
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			writeOperation(&b, doc, path, method)
		}
	}
	return format.Source(b.Bytes())
}

func writeOperation(b *bytes.Buffer, doc openAPI, path, method string) {
	op := doc.Paths[path][method]
	name := exported(op.OperationID)
	var args, query []string
	target := fmt.Sprintf("%q", path)
	for _, p := range op.Parameters {
		if p.In == "path" {
			args = append(args, lower(p.Name)+" string")
			target = strings.Replace(target, "{"+p.Name+"}", fmt.Sprintf(`" + escape(%s, %v) + "`, lower(p.Name), p.Slashes), 1)
		} else {
			query = append(query, p.Name)
		}
	}
	if len(query) > 0 {
		fmt.Fprintf(b, "\ntype %sQuery struct {\n", name)
		for _, q := range query {
			fmt.Fprintf(b, "%s string\n", exported(q))
		}
		b.WriteString("}\n")
		args = append(args, "query "+name+"Query")
	}
	body := "nil"
	if op.RequestBody != nil {
		if _, is := op.RequestBody.Content["application/json"]; !is {
			return // a session description: another library's matter
		}
		body = "body"
		args = append(args, "body "+refName(op.RequestBody.Content["application/json"].Schema.Ref))
	}
	answer := refName(op.Responses["200"].Content["application/json"].Schema.Ref)
	fmt.Fprintf(b, "\nfunc (c Client) %s(%s) (%s, error) {\nq := url.Values{}\n", name, strings.Join(args, ", "), cmp.Or(answer, "[]byte"))
	for _, q := range query {
		fmt.Fprintf(b, "if query.%[1]s != \"\" { q.Set(%[2]q, query.%[1]s) }\n", exported(q), q)
	}
	if answer == "" {
		fmt.Fprintf(b, "return c.ask(%q, %s, q, %s, nil)\n}\n", strings.ToUpper(method), target, body)
		return
	}
	fmt.Fprintf(b, "var a %s\n_, err := c.ask(%q, %s, q, %s, &a)\nreturn a, err\n}\n", answer, strings.ToUpper(method), target, body)
}

func goType(s schemaDoc) string {
	if s.Ref != "" {
		return "*" + refName(s.Ref)
	}
	switch s.Type {
	case "array":
		return "[]" + strings.TrimPrefix(goType(*s.Items), "*")
	case "boolean":
		return "bool"
	case "integer":
		return "int64"
	case "number":
		return "float64"
	case "object":
		return "map[string]any"
	}
	return "string"
}

func exported(name string) string {
	var b strings.Builder
	for _, w := range strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' }) {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}

func lower(name string) string {
	e := exported(name)
	return strings.ToLower(e[:1]) + e[1:]
}
