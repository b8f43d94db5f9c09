package play

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/bench/child"
)

// nginxSettings is a configuration of one process that serves files. root has the files that were fetched from spool, by their paths;
// the recordings themselves are served from where they are.
const nginxSettings = `
daemon off;
master_process off;
error_log stderr;
pid %[1]s/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  types { }
  default_type video/mp4;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  server {
    listen %[2]s;
    root %[1]s/root;
    location /mp4/vod/ { alias %[3]s/; }
  }
}
`

// nginxDir is the directory of nginx and of the files that it serves, below that of the footage.
func (f *footage) nginxDir() string { return filepath.Join(f.dir, "nginx") }

// startNginx starts nginx.
func (f *footage) startNginx(ctx context.Context, program string) (*server, error) {
	address, err := child.FreeAddress()
	if err != nil {
		return nil, err
	}
	dir := f.nginxDir()
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxSettings, dir, address, f.recordings), 0o600); err != nil {
		return nil, err
	}
	argv := []string{program, "-p", dir, "-c", config, "-e", "stderr"}
	s, err := serve(ctx, "nginx", argv, address, "/", func(r *http.Response) bool {
		return r.StatusCode == http.StatusForbidden // no directory is listed
	})
	if err == nil {
		s.kill = true // without a master process it may wait for another request before it heeds SIGTERM
	}
	return s, err
}

// nginxPath returns the path at which nginx has the span in a format.
func (f *footage) nginxPath(format string) string {
	if format == "hls" {
		return f.path(format)
	}
	return "/" + format + ".mp4"
}

// copyFrom fetches what spool at an address answers for a format, so that nginx can serve it.
func (f *footage) copyFrom(ctx context.Context, base, format string) error {
	c := newClient()
	defer c.http.CloseIdleConnections()
	if format != "hls" {
		return c.save(ctx, base+f.path(format), f.nginxDir()+"/root/"+format+".mp4", io.Discard)
	}
	var inits []string
	err := playlist(base+f.path(format), func(address string) (string, error) {
		var text strings.Builder
		err := c.saveByPath(ctx, address, f.nginxDir()+"/root", &text)
		return text.String(), err
	}, func(r reference) {
		if !strings.Contains(r.url, "/mp4/vod/") {
			inits = append(inits, r.url)
		}
	})
	if err != nil {
		return err
	}
	for _, address := range inits {
		if err := c.saveByPath(ctx, address, f.nginxDir()+"/root", io.Discard); err != nil {
			return err
		}
	}
	return nil
}

// saveByPath saves the answer at an address below root, at the address's path, and copies it to w.
func (c *client) saveByPath(ctx context.Context, address, root string, w io.Writer) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	return c.save(ctx, address, filepath.Join(root, filepath.FromSlash(u.Path)), w)
}

// save saves the answer at an address as a file, and copies it to w.
func (c *client) save(ctx context.Context, address, name string, w io.Writer) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	err = c.body(ctx, address, "", true, io.MultiWriter(file, w))
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}
