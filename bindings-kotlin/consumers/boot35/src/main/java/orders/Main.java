package orders;

import dev.unruffled.CallException;
import dev.unruffled.CallOptions;
import dev.unruffled.JavaClient;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootVersion;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

@SpringBootApplication
public class Main implements CommandLineRunner {
    private final JavaClient orders;

    Main(JavaClient orders) {
        this.orders = orders;
    }

    public static void main(String[] words) {
        SpringApplication.run(Main.class, words);
    }

    @Override
    public void run(String... words) throws CallException {
        String order = orders.get("/orders/{id}", CallOptions.builder().path("id", 7).build()).text();
        String again = orders.getAsync("/orders/7").join().text();
        System.out.println("ordered " + order + " " + again + ", Spring Boot " + SpringBootVersion.getVersion());
    }

    @org.springframework.context.annotation.Configuration
    static class Clients {
        @Bean
        JavaClient client() {
            return JavaClient.builder(System.getenv("ORDERS_URL")).credentials(() -> "t1").build();
        }
    }
}
