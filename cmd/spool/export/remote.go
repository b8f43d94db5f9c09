package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/export/manifest"
)

// recorder is a client of a recorder's API.
type recorder struct {
	base  *url.URL
	token string
	http  http.Client
}

// told is an answer of the API about an export.
type told struct {
	Error  string `json:"error"`
	Export struct {
		URL   string `json:"url"`
		State string `json:"state"`
		Error string `json:"error"`
		Bytes int64  `json:"bytes"`
		Total int64  `json:"total_bytes"`
		Files []struct {
			Name   string `json:"name"`
			Size   int64  `json:"size"`
			SHA256 string `json:"sha256"`
			URL    string `json:"url"`
		} `json:"files"`
	} `json:"export"`
}

// Bounds of answers and of a token.
const (
	maxAnswerBytes = 4 << 20
	maxTokenBytes  = 4 << 10
)

// newRecorder returns a client of the recorder at --api.
func (c *Command) newRecorder() (*recorder, error) {
	base, err := url.Parse(c.API)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("--api is not the URL of a recorder: give it as in http://127.0.0.1:8080")
	}
	r := &recorder{base: base}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = time.Minute
	r.http.Transport = transport
	if c.TokenFile != "" {
		f, err := os.Open(c.TokenFile)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxTokenBytes))
		if err != nil {
			return nil, err
		}
		r.token, _, _ = strings.Cut(strings.TrimSpace(string(text)), "\n")
	}
	return r, nil
}

// byAPI lets the recorder export, and fetches the files to a directory. The recorder keeps none.
func (c *Command) byAPI(ctx context.Context, q bundle.Request, dir string, show func(done, all int64)) (made []bundle.Written, err error) {
	r, err := c.newRecorder()
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{
		"streams": q.Streams, "start": q.Start.Format(time.RFC3339Nano), "end": q.End.Format(time.RFC3339Nano), "name": q.Name, "format": q.Format, "gaps": q.Gaps,
	})
	if err != nil {
		return nil, err
	}
	t, err := r.ask(ctx, http.MethodPost, "/mp4/export", body)
	if err != nil {
		return nil, err
	}
	at := t.Export.URL
	defer func() { // also after an interrupt
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		_, deleted := r.ask(ctx, http.MethodDelete, at, nil)
		err = errors.Join(err, deleted)
	}()
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for t.Export.State != "finished" {
		if t.Export.State == "failed" {
			return nil, fmt.Errorf("the recorder could not export: %s", t.Export.Error)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if t, err = r.ask(ctx, http.MethodGet, at, nil); err != nil {
			return nil, err
		}
		show(t.Export.Bytes/2, t.Export.Total) // the second half is the fetching
	}
	done := int64(0)
	for _, f := range t.Export.Files {
		if err := manifest.CheckFileName(f.Name); err != nil {
			return nil, err
		}
		w := bundle.Written{Name: f.Name, SizeBytes: f.Size, SHA256: f.SHA256}
		if err := r.save(ctx, f.URL, files(dir), w, func(n int64) { done += n; show((t.Export.Total+done)/2, t.Export.Total) }); err != nil {
			return nil, err
		}
		made = append(made, w)
	}
	return made, nil
}

// ask sends a request and reads the answer.
func (r *recorder) ask(ctx context.Context, method, path string, body []byte) (t told, err error) {
	resp, err := r.send(ctx, method, path, body)
	if err != nil {
		return t, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return t, fmt.Errorf("%s is no recorder: it answers %s, not in JSON", r.base.Redacted(), resp.Status)
	}
	if resp.StatusCode >= 300 {
		return t, fmt.Errorf("the recorder answers %s: %s", resp.Status, t.Error)
	}
	return t, nil
}

func (r *recorder) send(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	to := *r.base
	to.Path = strings.TrimSuffix(to.Path, "/")
	to.User = nil
	req, err := http.NewRequestWithContext(ctx, method, to.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	} else if r.base.User != nil {
		password, _ := r.base.User.Password()
		req.SetBasicAuth(r.base.User.Username(), password)
	}
	return r.http.Do(req)
}

// save fetches a file, and compares its size and SHA-256.
func (r *recorder) save(ctx context.Context, path string, to files, want bundle.Written, progress func(int64)) error {
	resp, err := r.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: the recorder answers %s", want.Name, resp.Status)
	}
	out, err := to.Create(want.Name)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum, counter(progress)), io.LimitReader(resp.Body, want.SizeBytes+1))
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	if got := fmt.Sprintf("%x", sum.Sum(nil)); n != want.SizeBytes || got != want.SHA256 {
		return fmt.Errorf("%s has %d bytes with the SHA-256 %s: the recorder has announced %d bytes with %s", want.Name, n, got, want.SizeBytes, want.SHA256)
	}
	return nil
}

// counter is a writer that reports the bytes that are written to it.
type counter func(int64)

// Write implements io.Writer.
func (c counter) Write(p []byte) (int, error) {
	c(int64(len(p)))
	return len(p), nil
}
