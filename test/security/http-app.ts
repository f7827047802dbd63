import 'reflect-metadata';
import { Body, type CanActivate, Controller, Delete, type ExecutionContext, Get, HttpCode, type INestApplication, Module, Param, Post, Req, Res } from '@nestjs/common';
import { APP_GUARD, NestFactory, Reflector } from '@nestjs/core';
import { ArrayMaxSize, IsIn, IsInt, IsObject, IsOptional, IsString, Max, Min } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '#libs/event-sourcing/errors';
import { handshakeOf } from '#libs/platform/http/handshakes';
import { HttpAdapter } from '#libs/platform/http/http-adapter';
import { listen, type Listening, type ListenOptions } from '#libs/platform/http/listeners';
import { HttpRoute } from '#libs/platform/http/route-options';
import { CodePoints, NoControl } from '#libs/platform/validation/decorators';
import { ValidBody, ValidQuery } from '#libs/platform/validation/parameters';

/** What the handlers saw. */
export const calls: unknown[] = [];
export const logged: { requestId?: string; err: unknown }[] = [];

/** A secret that an error of ours carries; it must stay inside. */
export const SQL = 'SELECT * FROM users WHERE password = "hunter2"';

export class ThingDto {
  @CodePoints(1, 20) @NoControl() name!: string;
  @IsOptional() @ArrayMaxSize(1_000) @IsString({ each: true }) tags?: string[];
  @IsOptional() @IsObject() metadata?: Record<string, unknown>;
}

export class ThingsQuery {
  @IsOptional() @IsIn(['queued', 'sent']) status?: string;
  @IsOptional() @CodePoints(1, 50) @NoControl() search?: string;
  @IsOptional() @IsInt() @Min(1) @Max(200) limit?: number;
}

class Guard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.get<boolean>('public', context.getHandler()) === true) return true;
    if (context.switchToHttp().getRequest<FastifyRequest>().headers.authorization === 'Bearer good') return true;
    throw new Refusal('unauthenticated');
  }
}

const Public = Reflector.createDecorator<boolean>({ key: 'public' });

@Controller()
class Things {
  @Get('open/echo')
  @Public(true)
  echo(): unknown {
    calls.push('echo');
    return { ok: true };
  }

  @Post('open/things')
  @Public(true)
  @HttpCode(200)
  take(@Body() body: unknown): unknown {
    calls.push(body);
    return { body };
  }

  @Post('open/checked')
  @Public(true)
  @HttpCode(200)
  checked(@ValidBody(ThingDto) body: ThingDto): unknown {
    calls.push(body);
    return { body };
  }

  @Get('open/checked')
  @Public(true)
  list(@ValidQuery(ThingsQuery) query: ThingsQuery): unknown {
    calls.push(query);
    return { query };
  }

  @Post('open/form')
  @Public(true)
  @HttpRoute({ consumes: ['application/x-www-form-urlencoded'] })
  form(@Body() body: unknown): unknown {
    calls.push(body);
    return {};
  }

  @Post('open/small')
  @Public(true)
  @HttpRoute({ bodyLimit: 100 })
  small(@Body() body: unknown): unknown {
    calls.push(body);
    return {};
  }

  @Get('open/big')
  @Public(true)
  big(): unknown {
    return { text: 'x'.repeat(32 * 1024 * 1024) };
  }

  @Get('open/broken')
  @Public(true)
  broken(): unknown {
    throw new Error(SQL);
  }

  /** from here on the line speaks something else: it says again what it is told */
  @Get('line')
  @Public(true)
  line(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const handshake = handshakeOf(request.raw);
    if (handshake === null) throw new Refusal('not_found');
    if (request.headers['x-refuse'] !== undefined) throw new Refusal('forbidden');
    const { socket } = handshake.take();
    socket.on('data', (chunk: Buffer) => socket.write(`echo ${String(chunk)}`));
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    reply.hijack();
  }

  @Get('admin')
  admin(): unknown {
    calls.push('admin');
    return {};
  }

  @Get('api/v1/things/:id')
  one(@Param('id') id: string): unknown {
    calls.push(id);
    return { id };
  }

  @Delete('api/v1/things/:id')
  remove(@Param('id') id: string): unknown {
    calls.push(id);
    return {};
  }

  @Post('api/v1/things')
  make(@Body() body: unknown): unknown {
    calls.push(body);
    return body;
  }
}

@Module({ controllers: [Things], providers: [{ provide: APP_GUARD, useFactory: (reflector: Reflector) => new Guard(reflector), inject: [Reflector] }] })
class TestApp {}

export interface Running {
  app: INestApplication;
  adapter: HttpAdapter;
  port: number;
  listening: Listening;
  close(): Promise<void>;
}

/** One app on a free loopback port, wired as apps/api wires its own. */
export async function start(options: Partial<ListenOptions> = {}): Promise<Running> {
  const adapter = new HttpAdapter({ log: { error: (fields) => logged.push(fields) }, requestIdPrefix: 'test-' });
  const app = await NestFactory.create(TestApp, adapter, { bodyParser: false, logger: false });
  adapter.harden(app);
  await app.init();
  const listening = await listen(adapter.getInstance(), { ports: [{ host: '127.0.0.1', port: 0 }], requestIdPrefix: 'test-', ...options });
  return {
    app,
    adapter,
    port: listening.ports[0]!.port,
    listening,
    async close() {
      await listening.close(1_000);
      await app.close();
    },
  };
}
