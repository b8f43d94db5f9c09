package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// broken lists typical mistakes in configurations. Each names the line that the message must
// name, the reason and the remedy.
var broken = map[string]struct{ text, place, reason, remedy string }{
	"a tab":                         {"mp4:\n\trecord_path: x\n", "2:1", `found character '\t'`, "indent with spaces"},
	"a tab behind spaces":           {"mp4:\n  record_path: x\n\tfragment: true\n", "3:1", "a tab character", "indent with spaces"},
	"indented by too little":        {"mp4:\n  record_path: x\n fragment: true\n", "3:2", "did not find expected key", "compare the indentation"},
	"not indented":                  {"mp4:\nrecord_path: x\n", "2:1", `unknown key "record_path"`, "it is a setting of mp4: indent it below mp4:"},
	"indented by a space of Word":   {"mp4:\n\u00a0 record_path: x\n", "2:1", "the invisible character U+00A0", "plain spaces"},
	"a pattern without quotes":      {"pipelines:\n  a:\n    streams: [**]\n    stages: [source, mp4]\n", "3:15", "unknown anchor", `stands in quotes, as in ["**"]`},
	"a star without quotes":         {"pipelines:\n  a:\n    streams: [*]\n    stages: [source, mp4]\n", "3:16", "scanning an alias", `stands in quotes, as in ["**"]`},
	"a colon without its space":     {"mp4:\n  record_path:x\n  fragment: true\n", "3:11", "mapping values are not allowed", "a space stands behind the colon"},
	"a bracket too few":             {"pipelines:\n  a: {streams: [live/a, stages: [source]}\n", "2:16", "did not find expected ',' or ']'", "closing bracket is missing"},
	"a quote too few":               {"mp4:\n  record_path: \"x\n  fragment: true\n", "2:16", "quoted scalar", "the closing quote is missing"},
	"quotes of a word processor":    {"mp4: {record_path: “/data”}\n", "1:20", "a typographic quote", "straight quotes"},
	"such quotes around a brace":    {"mp4: {filename_pattern: ‘{stream}.mp4’}\n", "1:6", "not YAML", "straight quotes"},
	"UTF-16":                        {"\xff\xfem\x00p\x004\x00", "1:1", "UTF-16", "save it as UTF-8"},
	"minutes in letters":            {"mp4: {max_duration: 5min}\n", "1:21", `"5min" is no duration`, "did you mean 5m?"},
	"days":                          {"mp4: {max_duration: 7d}\n", "1:21", `"7d" is no duration`, "did you mean 168h?"},
	"a size without its B":          {"mp4: {max_file_size: 500G}\n", "1:22", `"500G" is no size`, "did you mean 500GB, or 500GiB?"},
	"percent":                       {"mp4: {disk_max_percent: 90%}\n", "1:25", `the text "90%"`, "for example 90"},
	"yes":                           {"mp4: {fragment: yes}\n", "1:17", `the text "yes"`, "for example true"},
	"a Windows path":                {"mp4: {record_path: 'C:\\Users\\rec'}\n", "1:20", "a Windows path", "/mnt/c/recordings"},
	"one of a stage":                {"pipelines: {a: {stages: [source, segmenter, mp4: {record_path: 'D:/rec'}, metadata]}}\n", "1:64", "a Windows path", "/mnt/c/recordings"},
	"a slash in a password":         {"streams: {live/a: {pull: 'rtsp://u:s3/cret@10.0.0.5/x'}}\n", "1:26", "is not a URL", "percent-encoded: %2F for /"},
	"a hash in a password":          {"streams: {live/a: {pull: 'rtsp://u:s3#cret@10.0.0.5/x'}}\n", "1:26", "is not a URL", "%23 for #"},
	"a percent sign in a password":  {"streams: {live/a: {pull: 'rtsp://u:s3%cret@10.0.0.5/x'}}\n", "1:26", "is not a URL", "%25 for %"},
	"two jobs of a name":            {"crontab:\n  jobs:\n    - {name: a, cron: '@daily', action: event, stream: live/a}\n    - {name: a, cron: '@hourly', action: event, stream: live/b}\n", "4:14", `"a" occurs twice: the job at line 3 has the same name`, "a name of its own"},
	"seconds in a schedule":         {"crontab: {jobs: [{cron: '0 0 8 * * *', action: event, stream: live/a}]}\n", "1:25", "expected exactly 5 fields", "minute hour day month weekday"},
	"a URL for MySQL":               {"database: {driver: mysql, dsn: 'mysql://u:s3cret@h/db'}\n", "1:32", "cannot be read for mysql", "user:password@tcp(host:3306)/database"},
	"MySQL's form for PostgreSQL":   {"database: {driver: postgres, dsn: 'u:s3cret@tcp(h)/db'}\n", "1:35", "is a MySQL data source name, and database.driver is postgres", "write driver: mysql, or postgres://user:password@host"},
	"PostgreSQL's without a driver": {"database: {dsn: 'postgres://u:s3cret@h/db'}\n", "1:17", "is a PostgreSQL URL, and database.driver is sqlite", "write driver: postgres"},
	"a path for PostgreSQL":         {"database: {driver: postgres, dsn: ./s3cret/spool.db}\n", "1:35", "is the path of a file, and database.driver is postgres", "write driver: sqlite"},
	"PostgreSQL's URL for MySQL":    {"database: {driver: mysql, dsn: 'postgresql://u:s3cret@h/db'}\n", "1:32", "is a PostgreSQL URL, and database.driver is mysql", "write driver: postgres"},
	"a driver by another name":      {"database: {driver: postgresql, dsn: 'postgres://u:s3cret@h/db'}\n", "1:20", `unknown value "postgresql"`, `did you mean "postgres"?`},
	"MariaDB as a driver":           {"database: {driver: mariadb, dsn: 'u:s3cret@tcp(h)/db'}\n", "1:20", `unknown value "mariadb"`, "did you mean mysql?"},
	"braces without quotes":         {"mp4:\n  filename_pattern: {stream}_{timestamp}\n  fragment: true\n", "2:29", "not YAML", "a text that begins with { stands in quotes"},
	"such braces in a flow map":     {"mp4: {filename_pattern: {stream_path}/{date:%Y-%m-%d}.mp4}\n", "1:6", "not YAML", "a text that begins with { stands in quotes"},
	"braces alone without quotes":   {"mp4: {filename_pattern: {stream}}\n", "1:7", "this is a map", `for example "{stream}", with the quotes`},
	"a slash in its password":       {"database: {driver: postgres, dsn: 'postgres://u:s3/cret@h/db'}\n", "1:35", "cannot be read for postgres", "%2F for /"},
	"SQLite in memory":              {"database: {dsn: ':memory:'}\n", "1:17", "must be the path of a file", "recordings/spool.db"},
	"a variable":                    {"mp4:\n  record_path: ${RECORDINGS}\n", "2:16", "${...} is not replaced here", "SPOOL_MP4__RECORD_PATH in the environment"},
	"a variable in a URL":           {"streams: {live/a: {pull: 'rtsp://u:${PW}@h/x'}}\n", "1:26", "${...} is not replaced here", "by its variable"},
	"a variable in a stage":         {"pipelines: {a: {stages: [source, segmenter, mp4: {record_path: '${D}/x'}, metadata]}}\n", "1:64", "${...} is not replaced here", "by its variable"},
	"a window of seconds":           {"pipelines:\n  a:\n    stages: [source, live: {window: 2s}]\n", "3:37", "2s is out of range", "5s to 12h"},
	"an output that is not there":   {"pipelines:\n  a:\n    stages:\n      - source\n      - live: {outputs: [hls, hsl]}\n", "5:31", `there is no output "hsl"`, "known are fmp4, hls, rtsp"},
	"live behind a stage":           {"pipelines:\n  a:\n    stages: [source, gop_ring, live]\n", "3:32", "live stands right behind source", "stages: [source, live]"},
	"a stage behind live":           {"pipelines:\n  a:\n    stages: [source, live, metadata]\n", "3:22", "live is an output, but stages follow it", "an output stands at the end"},
	"live in a branch":              {"pipelines:\n  a:\n    stages: [source, tee: {branches: [{name: x, stages: [live]}]}]\n", "3:58", "live stands right behind source", "stages: [source, live]"},
	"live that would record":        {"pipelines:\n  a:\n    record: always\n    stages: [source, live]\n", "4:22", "live records nothing", "record: watched"},
	"live of a file":                {"pipelines:\n  a:\n    stages: [file: {path: x.mp4}, live]\n", "3:35", "live stands right behind source", "stages: [source, live]"},
	"a recording that is watched":   {"pipelines:\n  a:\n    record: watched\n    stages: [source, segmenter, mp4, metadata]\n", "4:38", "record: watched records nothing", "stages: [source, live: {}]"},
	"a port alone":                  {"http: {listen: 8080}\n", "1:16", "the number 8080", `"127.0.0.1:8080"`},
	"two servers of an address":     {"http: {listen: '127.0.0.1:8554'}\n", "", "is also the address of http.listen", "another port"},
	"a group that is not there":     {"mp4: {group: no-such-group}\n", "1:14", "there is no group", "name or the number of one"},
	"a certificate that is not":     {"http: {tls: {cert: none.crt, key: none.key}}\n", "1:20", "none.crt is not there", "whole path"},
	"a secret that is not":          {"declare: {webhooks: [{name: a, url: 'http://h/x', secret_file: /none}]}\n", "1:64", "/none is not there", "nothing is sent unsigned"},
	"terabytes for gigabytes":       {"retention: {min_free_bytes: 900TB}\n", "1:29", "min_free_bytes 900 TB is more than the disk of ./recordings has (", "lower it"},
	"those of a stream":             {"streams: {live/a: {retention: {min_free_bytes: 900TB}}}\n", "1:48", "min_free_bytes 900 TB is more than the disk of ./recordings has (", "lower it"},
}

// TestBrokenConfigurationsAreExplained runs the built program on each broken configuration.
func TestBrokenConfigurationsAreExplained(t *testing.T) {
	dir := t.TempDir()
	spool := filepath.Join(dir, "spool")
	buildProgram(t, spool)
	for name, b := range broken {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "c.yaml"), []byte(b.text), 0o600))
			cmd := exec.Command(spool, "check", "c.yaml")
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			require.Error(t, err, "%s", out)
			require.Equal(t, exitUsage, cmd.ProcessState.ExitCode(), "%s", out)
			said, _, _ := strings.Cut(string(out), "\n")
			if b.place != "" {
				require.True(t, strings.HasPrefix(said, "c.yaml:"+b.place+": "), said)
			}
			require.Contains(t, said, b.reason)
			_, hint, _ := strings.Cut(said, b.reason)
			require.Contains(t, hint, b.remedy)
			require.NotContains(t, strings.ReplaceAll(said, "secret", ""), "cret", "a message shows a password")
			require.Contains(t, string(out), "refused: 1 problem\n")
		})
	}
}

// Unusual but valid configurations are accepted.
func TestUnusualValidConfigurationsAreAccepted(t *testing.T) {
	for _, text := range []string{
		"\ufeffmp4: {max_duration: 5m}\n",
		"mp4:\r\n  max_duration: 5m\r\n",
		"mp4: {file_mode: 0640, dir_mode: 0750}\n",
		"streams: {live/a: {pull: 'rtsp://u:p@ss@10.0.0.5/x'}}\n", // the last @ ends the password
		"streams: {live/a: {pull: 'rtsp://u:p%2Fss@10.0.0.5/x'}}\n",
		"mp4: {record_path: '“quoted”'}\n",
		"pipelines: {a: {stages: [source, segmenter, mp4, exec: {command: [/bin/sh, -c, 'echo ${HOME}']}, metadata]}}\n",
		"crontab: {jobs: [{cron: '@daily', action: event, stream: live/a}, {cron: '@hourly', action: event, stream: live/a}]}\n",
		"database: {driver: mysql, dsn: 'u:p/w@tcp(h:3306)/db'}\n",
	} {
		code, out, errs := spool(t, text, "check")
		require.Equal(t, exitOK, code, "%s%s", text, errs)
		require.Contains(t, out, "configuration OK: ", text)
	}
}

// A mode that is written as a number is refused with a hint, and the hint is accepted.
func TestTheHintOfAModeIsAccepted(t *testing.T) {
	hint := regexp.MustCompile(`for example ("\d+"), with the quotes`)
	for setting, want := range map[string]string{
		"file_mode: 640": `"640"`, "file_mode: 0o640": `"0640"`, "dir_mode: 750": `"750"`, "dir_mode: 0o750": `"0750"`,
	} {
		for _, text := range []string{"mp4: {%s}\n", "pipelines: {a: {stages: [source, segmenter, mp4: {%s}, metadata]}}\n"} {
			code, _, errs := spool(t, fmt.Sprintf(text, setting), "check")
			require.Equal(t, exitUsage, code, setting)
			found := hint.FindStringSubmatch(errs)
			require.NotNil(t, found, errs)
			require.Equal(t, want, found[1], setting)
			name, _, _ := strings.Cut(setting, ":")
			code, _, errs = spool(t, fmt.Sprintf(text, name+": "+found[1]), "check")
			require.Equal(t, exitOK, code, errs)
		}
	}
}
