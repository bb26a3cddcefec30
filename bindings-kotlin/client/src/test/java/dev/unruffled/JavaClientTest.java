package dev.unruffled;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The client as a Java program calls it. */
class JavaClientTest {
    private final List<String> seen = new CopyOnWriteArrayList<>();
    private HttpServer server;
    private JavaClient client;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", exchange -> {
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            String token = exchange.getRequestHeaders().getFirst("Authorization");
            seen.add(exchange.getRequestMethod() + " " + exchange.getRequestURI() + " " + token + " " + body);
            if (exchange.getRequestURI().getPath().equals("/slow")) {
                sleep();
            }
            int status = exchange.getRequestURI().getPath().equals("/gone") ? 404 : 200;
            byte[] answer = "{\"ok\":true}".getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
        String base = "http://127.0.0.1:" + server.getAddress().getPort();
        client = JavaClient.builder(base).credentials(() -> "t1").build();
    }

    @AfterEach
    void stop() {
        client.close();
        server.stop(0);
    }

    private static void sleep() {
        try {
            Thread.sleep(2_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void verbsBlockAndTakeJavasOwnTypes() throws Exception {
        CallOptions spec = CallOptions.builder().path("id", 7).query("q", "a b").deadline(Duration.ofSeconds(5)).build();
        assertEquals("{\"ok\":true}", client.get("/orders/{id}", spec).text());
        client.post("/orders", CallOptions.builder().json(Map.of("sku", "a")).idempotencyKey(Unruffled.NEW_KEY).build());
        assertEquals("GET /orders/7?q=a%20b Bearer t1 ", seen.get(0));
        assertEquals("POST /orders Bearer t1 {\"sku\":\"a\"}", seen.get(1));
        client.withCredentials(() -> "t2").get("/other");
        assertEquals("GET /other Bearer t2 ", seen.get(2));
    }

    @Test
    void aStatusIsThrownOrReturned() throws Exception {
        StatusException thrown = assertThrows(StatusException.class, () -> client.delete("/gone"));
        assertEquals(404, thrown.getStatus());
        assertEquals(404, client.delete("/gone", CallOptions.builder().raise(false).build()).getStatus());
        try {
            client.get("/gone");
        } catch (CallException checked) {
            assertEquals(Outcome.REJECTED, checked.getOutcome());
        }
    }

    @Test
    void futuresEndWithTheAnswerTheFailureOrTheCancellation() throws Exception {
        assertEquals(200, client.getAsync("/a").get(5, TimeUnit.SECONDS).getStatus());
        ExecutionException failed =
            assertThrows(ExecutionException.class, () -> client.postAsync("/gone").get(5, TimeUnit.SECONDS));
        assertInstanceOf(StatusException.class, failed.getCause());
        CallOptions brief = CallOptions.builder().deadline(Duration.ofMillis(200)).build();
        assertThrows(ExecutionException.class, () -> client.getAsync("/slow", brief).get(5, TimeUnit.SECONDS));
        assertTrue(client.getAsync("/slow").cancel(true));
    }

    @Test
    void aTokenIsKept() throws Exception {
        String base = "http://127.0.0.1:" + server.getAddress().getPort();
        try (JavaClient kept = JavaClient.builder(base).tokens(() -> new Token("t3", null)).build()) {
            kept.get("/a");
            kept.get("/b");
        }
        assertEquals(2, seen.stream().filter(line -> line.contains("Bearer t3")).count());
    }

    /** Overloaded, as many programs have it. */
    private static String token() {
        return "t4";
    }

    private static Token token(Need need) {
        return new Token(need.getWhy().getText(), null);
    }

    private static Token once() {
        return new Token("once", null);
    }

    @Test
    void everyFormOfAFunctionIsTaken() throws Exception {
        String base = "http://127.0.0.1:" + server.getAddress().getPort();
        Supplier<String> given = () -> "t5";
        try (JavaClient other = JavaClient.builder(base).credentials(JavaClientTest::token).build()) {
            other.get("/reference");
            other.withCredentials(given).get("/supplier");
            other.withTokens(JavaClientTest::once).get("/once");
            other.withTokensFor(JavaClientTest::token).get("/need");
        }
        try (JavaClient other = JavaClient.builder(base).tokensFor(need -> new Token(need.getWhy().name(), null)).build()) {
            other.get("/lambda");
        }
        List<String> wanted =
            List.of("reference Bearer t4", "supplier Bearer t5", "once Bearer once", "need Bearer first", "lambda Bearer FIRST");
        assertEquals(wanted, seen.stream().map(line -> line.substring("GET /".length()).trim()).collect(Collectors.toList()));
    }
}
