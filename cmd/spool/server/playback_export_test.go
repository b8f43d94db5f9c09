package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"
)

// exported exports a span, and compares the file with the span as it is played.
func (d *day) exported(from, to int64, gaps string) {
	d.t.Helper()
	want := d.fetch(fmt.Sprintf("/mp4/play/%s?start=%s&end=%s&gaps=%s", d.path, stamp(from), stamp(to), gaps))
	body := fmt.Sprintf(`{"streams": [%q], "start": %q, "end": %q, "gaps": %q}`, d.path, stamp(from), stamp(to), gaps)
	resp, err := http.Post(d.apiURL()+"/mp4/export", "application/json", strings.NewReader(body))
	require.NoError(d.t, err)
	answer := d.export(resp, http.StatusAccepted)
	d.eventually("the export is finished", func() bool {
		resp, err := http.Get(d.apiURL() + answer.URL)
		require.NoError(d.t, err)
		answer = d.export(resp, http.StatusOK)
		require.NotEqual(d.t, "failed", answer.State, answer.Error)
		return answer.State == "finished"
	})
	require.NotEmpty(d.t, answer.Files)
	got := d.fetch(answer.Files[0].URL)
	require.True(d.t, string(want.body) == string(got.body), "the export of %s to %s, gaps=%s, has the bytes of %s", stamp(from), stamp(to), gaps, want.url)
	req, err := http.NewRequestWithContext(d.t.Context(), "DELETE", d.apiURL()+answer.URL, nil)
	require.NoError(d.t, err)
	resp, err = http.DefaultClient.Do(req)
	require.NoError(d.t, err)
	require.NoError(d.t, resp.Body.Close())
	require.Equal(d.t, http.StatusOK, resp.StatusCode)
}

// exportOf holds the fields of an export that the test reads.
type exportOf struct {
	URL, State, Error string
	Files             []struct{ URL string }
}

// export reads an answer with an export.
func (d *day) export(resp *http.Response, code int) exportOf {
	d.t.Helper()
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	require.Equal(d.t, code, resp.StatusCode, "%s", text)
	var answer struct{ Export exportOf }
	require.NoError(d.t, json.Unmarshal(text, &answer))
	return answer.Export
}
