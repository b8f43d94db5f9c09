package api

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkFootage reads 1 GB a round as 100 parallel clients, from spool and from nginx; the result is the ratio of
// the two in one run.
func BenchmarkFootage(b *testing.B) {
	const clients, each = 100, 10_000_000
	w := newFixture(b)
	w.put("x.mp4", footageBytes(each))
	_, ours := w.run()
	theirs := startNginx(b, w.dir)
	for name, url := range map[string]string{"spool": "http://" + ours + "/mp4/vod/x.mp4", "nginx": "http://" + theirs + "/x.mp4"} {
		b.Run(name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, ReadBufferSize: 256 << 10}}
			defer client.CloseIdleConnections()
			b.SetBytes(clients * each)
			for b.Loop() {
				var wg sync.WaitGroup
				errs := make([]error, clients)
				for i := range clients {
					wg.Go(func() { errs[i] = drain(client, url, each) })
				}
				wg.Wait()
				require.NoError(b, errors.Join(errs...))
			}
		})
	}
}

func drain(client *http.Client, url string, want int64) error {
	res, err := client.Get(url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err == nil && n != want {
		return io.ErrUnexpectedEOF
	}
	return err
}

// BenchmarkRecords lists a page of 100 records.
func BenchmarkRecords(b *testing.B) {
	w := newFixture(b)
	s := w.server(func(_ *Config, d *Deps) { d.Catalogue = &endless{shelf: (*shelf)(w), one: w.add(1, "a")} })
	b.ReportAllocs()
	for b.Loop() {
		if r := do(s, "GET", "/mp4/records", ""); r.code != 200 {
			b.Fatal(r.body)
		}
	}
}
