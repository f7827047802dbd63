// @nestjs/throttler is CommonJS and requires these while Jest links ES modules: load them first.
import 'reflect-metadata';
import '@nestjs/common';
import '@nestjs/core';
