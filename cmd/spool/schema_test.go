package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
)

// schemaOf compiles the output of spool schema as an editor does. It checks the schema against
// the draft that it names.
func schemaOf(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var out bytes.Buffer
	require.Equal(t, exitOK, run([]string{"schema"}, &Program{Stdout: &out, Stderr: os.Stderr}))
	doc, err := jsonschema.UnmarshalJSON(&out)
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("spool.json", doc))
	schema, err := c.Compile("spool.json")
	require.NoError(t, err)
	return schema
}

func fileValue(t *testing.T, name string) (any, bool) {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	n, err := config.Parse(name, text)
	if err != nil {
		return nil, false
	}
	return n.Any(), true
}

// The schema accepts every configuration that the program accepts.
func TestSchemaAcceptsValidConfigurations(t *testing.T) {
	schema := schemaOf(t)
	files, err := filepath.Glob(root + "/configs/testdata/good/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range append(files, root+"/configs/default.yaml", root+"/configs/demo.yaml", root+"/configs/reference.yaml") {
		v, ok := fileValue(t, file)
		require.True(t, ok, file)
		require.NoError(t, schema.Validate(v), file)
	}
}

// The schema refuses the faults that a schema can describe: wrong types, unknown keys and
// unknown words.
func TestSchemaRefusesTypesKeysAndWords(t *testing.T) {
	schema := schemaOf(t)
	for _, name := range []string{
		"anchor_mistake", "auth_key", "auth_user", "block_is_list", "block_is_text", "bool_as_number", "cron_action", "database_driver",
		"duration_negative", "fraction_of_days", "key_of_another_block", "log_level", "many", "not_a_map", "number_as_text", "only_text",
		"pipeline_glob_text", "pipeline_mode", "pipeline_stages_map", "rtsp_port_overflow", "stream_is_url", "sync_policy", "text_as_number",
		"transport_unknown", "typo_in_key", "unknown_block", "unknown_key",
	} {
		v, ok := fileValue(t, root+"/configs/testdata/bad/"+name+".yaml")
		require.True(t, ok, name)
		require.Error(t, schema.Validate(v), name)
	}
	for text, fits := range map[string]bool{
		"pipelines: {a: {stages: [source, gop_ring: {before: 5}]}}":                   true,
		"pipelines: {a: {stages: [source, gop_ring: {befor: 5}]}}":                    false,
		"pipelines: {a: {stages: [sorce]}}":                                           false,
		"pipelines: {a: {stages: [{source: {}, mp4: {}}]}}":                           false,
		"pipelines: {a: {stages: []}}":                                                false,
		"pipelines: {a: {streams: live, stages: [source]}}":                           false,
		"x-cams: &c {pull: 'rtsp://h/x'}\nstreams: {a: *c}":                           true,
		"pipelines: {a: {stages: [source, segmenter: {align: 15m, max_size: 1GiB}]}}": true,
		"pipelines: {a: {stages: [source, mp4: {fragment: 1}]}}":                      false,
	} {
		n, err := config.Parse("test", []byte(text))
		require.NoError(t, err)
		require.Equal(t, fits, schema.Validate(n.Any()) == nil, text)
	}
}
