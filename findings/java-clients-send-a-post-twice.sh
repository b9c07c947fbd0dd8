#!/usr/bin/env bash
# Java clients: HttpURLConnection and OkHttp send a POST again without reporting it; so does Apache HttpClient 5 after 503.
#
# Expected: no client repeats a POST on its own, or only one that the server cannot have read.
# Happens:
#   HttpURLConnection: when a brand-new connection is closed after the request was read, the POST is sent again.
#   OkHttp: on a reused connection that is closed after the request was read, the POST is sent again.
#   Apache HttpClient 5: after an answer of 503 or 429 it waits a second and sends the POST again; the caller sees
#     only the second answer. java.net.http.HttpClient repeats a GET, also on a new connection, and no POST.
# Versions: OpenJDK 17, Apache HttpClient 5.5.1, OkHttp 4.12.0, seen 2026-11-29.
# Matters: a Java test client, or a Java service behind the tested one, turns a lost request into a success and into
#   two executions. Its own error rate during a rollout says nothing about the server's.
# Source: DefaultHttpRequestRetryStrategy, https://hc.apache.org/httpcomponents-client-5.5.x/current/httpclient5/apidocs/
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
need java mvn
start_faulty
cat >"$tmp/pom.xml" <<'X'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>findings</groupId><artifactId>findings</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.httpcomponents.client5</groupId><artifactId>httpclient5</artifactId><version>5.5.1</version></dependency>
    <dependency><groupId>com.squareup.okhttp3</groupId><artifactId>okhttp</artifactId><version>4.12.0</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
X
(cd "$tmp" && nice mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib) >"$tmp/mvn.log" 2>&1 || cannot "mvn dependency:copy-dependencies"
cat >"$tmp/Clients.java" <<'J'
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.Callable;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import org.apache.hc.client5.http.classic.methods.HttpPost;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.core5.http.io.entity.StringEntity;

/** Prints "NAME RESULT" per call; RESULT is a status or the name of an exception. */
public class Clients {
  static void call(String name, Callable<Integer> call) {
    String result;
    try {
      result = call.call().toString();
    } catch (Exception e) {
      result = e.getClass().getSimpleName();
    }
    System.out.println(name + " " + result);
  }

  public static void main(String[] args) throws Exception {
    String base = "http://127.0.0.1:" + args[0];
    call("urlconnection", () -> {
      var c = (HttpURLConnection) URI.create(base + "/closes?urlconnection").toURL().openConnection();
      c.setRequestMethod("POST");
      c.setDoOutput(true);
      c.getOutputStream().write("order".getBytes());
      return c.getResponseCode();
    });
    var jdk = HttpClient.newHttpClient();
    for (String method : new String[] {"GET", "POST"}) {
      var body = method.equals("GET") ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString("order");
      var request = HttpRequest.newBuilder(URI.create(base + "/closes?jdk")).method(method, body).build();
      call("jdk-" + method, () -> jdk.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
    }
    var ok = new OkHttpClient();
    for (int i = 0; i < 2; i++) {
      var request = new Request.Builder().url(base + "/closes-when-reused?okhttp").post(RequestBody.create("order".getBytes())).build();
      call("okhttp", () -> {
        try (var answer = ok.newCall(request).execute()) {
          answer.body().string();
          return answer.code();
        }
      });
    }
    try (var apache = HttpClients.createDefault()) {
      var post = new HttpPost(base + "/unavailable-once?apache");
      post.setEntity(new StringEntity("order"));
      call("apache", () -> apache.execute(post, answer -> answer.getCode()));
    }
    System.exit(0);
  }
}
J
expected "each POST is read once by the server, or the caller learns of the failure without a second one"
java -cp "$tmp/lib/*" "$tmp/Clients.java" "$faulty" >"$tmp/out.txt" 2>"$tmp/err.txt"
echo "versions: $(java -version 2>&1 | head -1), httpclient5 5.5.1, okhttp 4.12.0"
python3 - "$tmp/out.txt" "$faulty" <<'PY'
import sys
from faulty import read_count
from seen import seen
lines = [tuple(line.split()) for line in open(sys.argv[1])]
def check(name, target, results, reads):
    got = [result for n, result in lines if n == name]
    count = read_count(int(sys.argv[2]), target)
    seen(got == results and count == reads, f"{name}: the caller got {', '.join(got)}; the server read {count} requests")
check("urlconnection", "POST/closes?urlconnection", ["SocketException"], 2)
check("jdk-GET", "GET/closes?jdk", ["IOException"], 2)
check("jdk-POST", "POST/closes?jdk", ["IOException"], 1)
check("okhttp", "POST/closes-when-reused?okhttp", ["200", "200"], 3)
check("apache", "POST/unavailable-once?apache", ["200"], 2)
PY
